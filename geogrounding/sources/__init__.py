"""Where imagery lies when it is no single file: STAC items and catalogues, map services, object stores."""
