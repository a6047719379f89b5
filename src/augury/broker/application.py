"""The Celery application, from the address of a broker.

A message says which room has something to do and nothing more: the rows of the database say what.
So a message may be lost, come twice or come late, and nothing is worse than a moment later.
"""

import ssl
from typing import Any
from urllib.parse import urlsplit

from celery import Celery
from kombu.entity import Exchange, Queue

# Rooms have a queue each, so that neither stands behind the other; duties share one.
DUTIES = "duties"
ROOMS = ("jobs", "batches")
# What a process does for one message takes less; a predictor that hangs is ended after that.
_LONGEST_SECONDS = 3600
_UNHEARD_SECONDS = 60


def task_of(name: str) -> str:
    """Return what the task for a room or a duty is called."""
    return f"augury.{name}"


def queue_of(name: str) -> Queue:
    """Return the queue in which rings for a room or a duty wait."""
    queue = task_of(name if name in ROOMS else DUTIES)
    return Queue(queue, Exchange(""), routing_key=queue)


def open_application(url: str, *, hasty: bool = False) -> Celery:
    """Return the application of a broker; a hasty one gives up on it after a second or two.

    No connection is made yet.
    """
    app = Celery("augury", broker=url, set_as_current=False)
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_serializer="json",
        accept_content=["json"],
        task_queues=[queue_of(name) for name in (*ROOMS, DUTIES)],
        task_default_queue=queue_of(DUTIES).name,
        task_create_missing_queues=False,
        # A ring need not survive a restart of the broker: the row does.
        task_default_delivery_mode="transient",
        task_time_limit=_LONGEST_SECONDS,
        # A process has loaded its models by then.
        worker_proc_alive_timeout=60,
        # Nobody commands workers through the broker, and what they do is in the database.
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=1 if hasty else 4,
        # A connection that only publishes has nobody to answer heartbeats between two rings.
        broker_heartbeat=0 if hasty else 30,
        broker_transport_options=_transport_options(url, hasty=hasty),
        broker_use_ssl=_ssl(url),
    )
    return app


def options_of(name: str) -> dict[str, Any]:
    """Return how a ring is sent: where to, and when nobody need hear it any more."""
    return {"queue": queue_of(name).name, "expires": _UNHEARD_SECONDS, "ignore_result": True}


def _transport_options(url: str, *, hasty: bool) -> dict[str, Any]:
    if urlsplit(url).scheme.startswith("amqp"):
        patience = {"read_timeout": 2, "write_timeout": 2} if hasty else {}
        return {"confirm_publish": True, **patience}
    patience = {"socket_timeout": 2, "socket_connect_timeout": 1} if hasty else {}
    return {
        # Longer than any task; and what a killed worker had is seen to every second.
        "visibility_timeout": _LONGEST_SECONDS + 600,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "socket_keepalive": True,
        **patience,
    }


def _ssl(url: str) -> dict[str, Any] | None:
    """Return what makes a broker prove who it is, where the address asks for encryption."""
    parts = urlsplit(url)
    if parts.scheme == "rediss":
        return {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}
    if parts.scheme == "amqps":
        return {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": parts.hostname}
    return None
