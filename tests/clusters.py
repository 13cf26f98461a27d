"""Real Ray clusters of several nodes on this machine, and the processes in them."""

from __future__ import annotations

import gc
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]


def prepare() -> None:
    """Before Ray is imported: nothing is reported, and a busy machine is no failure."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ |= {
        "RAY_agent_register_timeout_ms": "300000",
        "RAY_gcs_server_port_wait_time_s": "300",
        "RAY_gcs_rpc_server_reconnect_timeout_s": "300",
        "RAY_health_check_timeout_ms": "60000",
        "RAY_enable_metrics_collection": "false",
    }
    # Workers import the models of the tests.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))


def _ports() -> dict[str, int]:
    """Ports of a node's agents. With ports of their own choice a node waits for its agents, and gives up after half a
    minute, which is little on a busy machine.
    """
    names = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port", "runtime_env_agent_port")
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in names]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return {name: one.getsockname()[1] for name, one in zip(names, sockets, strict=True)}


def add_node(made: Any, **resources: Any) -> None:
    """Add a node to a cluster; a node that did not get ready in time is tried again."""
    for attempt in range(4):
        try:
            made.add_node(object_store_memory=200 * 2**20, include_dashboard=False, **resources, **_ports())
            return
        except Exception as error:
            if "timed out" not in str(error) or attempt == 3:
                raise


@contextmanager
def cluster(nodes: int) -> Iterator[Any]:
    """A head node without cores, where the owner lives, and nodes with three cores each, as Ray counts them."""
    prepare()
    from ray.cluster_utils import Cluster

    made: Any = Cluster()
    try:
        add_node(made, num_cpus=0)
        for _ in range(nodes):
            add_node(made, num_cpus=3)
        made.wait_for_nodes(timeout=300)
        yield made
    finally:
        made.shutdown()
        del made
        with warnings.catch_warnings():  # Ray leaves its processes and files to the garbage collector
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


def answerers() -> list[psutil.Process]:
    """The processes of workers that answer chips, of all clusters below this process."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if any("Answerer" in part for part in process.cmdline()):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return sorted(found, key=lambda process: process.pid)
