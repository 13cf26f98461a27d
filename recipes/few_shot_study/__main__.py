"""``python -m recipes.few_shot_study``: see ``study``."""

import sys

from recipes.few_shot_study.study import main

if __name__ == "__main__":
    sys.exit(main())
