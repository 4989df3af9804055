"""The inside of one of several processes that work together: a worker whose orders come by a socket.

`python -m benchmarks.rank SOCKET module:function '{"argument": …}'`, mostly started by msrun, which runs
the same line once more for its scheduler. The first order is the number of the core to work on.
"""

import os
import socket
import sys

from benchmarks import worker

SCHEDULER = "MS_SCHED"  # what msrun says in MS_ROLE


def main() -> None:
    """Serve until the socket is closed; as the scheduler bring the others together."""
    path, target, arguments = sys.argv[1:]
    if os.environ.get("MS_ROLE") == SCHEDULER:
        from ms_ovs import distributed, runtime

        runtime.setup()
        distributed.join()
        return
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        with connection.makefile("rw", encoding="utf-8") as orders:
            worker.limit_threads(1, first=int(orders.readline()))
            worker.serve(target, arguments, orders, orders)


if __name__ == "__main__":
    main()
