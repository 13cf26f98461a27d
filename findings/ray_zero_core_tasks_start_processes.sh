#!/usr/bin/env bash
# A Ray task that needs no core (num_cpus=0) starts a new process each time where actors hold all cores: idle processes
# beyond the number of cores are ended within seconds, and actors count among them. Small tasks that load a large library
# then pay its import each time. RAY_num_workers_soft_limit, read when Ray starts, keeps the process.
# Seen with ray 2.60.0: five tasks, three seconds apart, beside two actors on two cores ran in 5 processes, and in one
# with a limit of 16 (and idle processes kept for 60 s).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env" >/dev/null
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check ray==2.60.0
cat > "$folder/count.py" <<'PY'
import logging, os, time
import ray

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.CRITICAL)


@ray.remote(num_cpus=1)
class Holder:
    def pid(self):
        return os.getpid()


@ray.remote(num_cpus=0)
def small():
    return os.getpid()


holders = [Holder.remote() for _ in range(2)]
ray.get([holder.pid.remote() for holder in holders])
used = set()
for _ in range(5):
    used.add(ray.get(small.remote()))
    time.sleep(3)
print(len(used))
PY
export RAY_USAGE_STATS_ENABLED=0
default=$("$folder/env/bin/python" -W ignore "$folder/count.py" | tail -n 1)
kept=$(RAY_num_workers_soft_limit=16 RAY_idle_worker_killing_time_threshold_ms=60000 \
  "$folder/env/bin/python" -W ignore "$folder/count.py" | tail -n 1)
echo "processes for five tasks: $default by default, $kept with a soft limit of 16"
[ "$default" -gt 2 ] && [ "$kept" -le 2 ]
