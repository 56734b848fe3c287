"""The house put together, from its settings. Only here, and in :mod:`chatd.tap`, concrete parts are named."""

import random
import time
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from twisted.cred.checkers import AllowAnonymousAccess, ICredentialsChecker
from twisted.cred.portal import Portal
from twisted.internet.interfaces import IReactorTime, IStreamServerEndpoint

from chatd import config, logs
from chatd.accounts import Means
from chatd.admin.door import AdminDoor, Opening
from chatd.admission import Admission
from chatd.bus.local import LocalBus
from chatd.chat import Chat
from chatd.checkers.file import FileChecker
from chatd.checkers.guard import Guard, Throttle
from chatd.checkers.hashes import Hashes
from chatd.checkers.http import HttpChecker
from chatd.checkers.projects import Projects
from chatd.checkers.sql import SqlChecker
from chatd.coalescing import Coalescing
from chatd.config import Auth, Config, ConfigError, Server
from chatd.conversations import Conversations
from chatd.endpoint import Endpoint
from chatd.factory import ChatFactory
from chatd.house import House, Keeper, Listener
from chatd.interfaces import IMessageStore
from chatd.notices import NoticeTexts
from chatd.outbox import Outbox
from chatd.rate import Rate
from chatd.realm import Logins, Realm
from chatd.registry import Registry
from chatd.reload import Reload
from chatd.replies import Replies
from chatd.reports import Reports
from chatd.stamp import Stamp
from chatd.store.none import NoStore
from chatd.store.retention import Retention
from chatd.sweeper import Sweeper
from chatd.verdicts import Verdicts
from chatd.web.door import WebDoor
from chatd.webhook import Webhook
from chatd.wire.events import Encoder


def build(
    settings: Config,
    clock: IReactorTime,
    endpoints: list[tuple[str, IStreamServerEndpoint]],
    store: IMessageStore,
    read: Callable[[], Config] | None = None,
    manhole: IStreamServerEndpoint | None = None,
    admin: Opening | None = None,
    web: tuple[str, IStreamServerEndpoint] | None = None,
) -> "House":
    """Put the house together.

    :param clock: turns and timers are its.
    :param endpoints: where to listen, each with its description.
    :param store: not yet open.
    :param read: reads the configuration again.
    :param manhole: where it is, if there is one.
    :param admin: where the admin API listens, if it does.
    :param web: where the pages are served, if they are, with its description.
    """
    encode = Encoder(settings.notices.time_format).encode
    registry = Registry(encode)
    bus: Any = LocalBus(registry.deliver)
    if settings.cluster.redis:
        from chatd.cluster.cluster import Cluster, ClusterBus

        bus = ClusterBus()
    outbox = Outbox(clock, bus, store, settings.store.queue)
    stamp = Stamp(time.time)
    notices = _notices(settings)
    reports = Reports(outbox, settings.webhook.events if settings.webhook.url else (), encode)
    replies = Replies(settings.autoreply)
    conversations = Conversations(
        registry,
        outbox,
        stamp,
        notices,
        replies,
        settings.containers.replay,
        settings.containers.idle_timeout,
        settings.containers.deserted_size,
        reports,
    )
    chat = Chat(registry, outbox, clock, stamp, notices, conversations, settings.server.displace, reports)
    chat.coalescing = Coalescing(settings.notices.coalesce_above, settings.notices.coalesce_window)
    sweeper = Sweeper(
        clock,
        settings.heartbeat.interval,
        settings.heartbeat.misses,
        conversations.expire,
    )
    projects = _projects(settings.auth, clock)
    webhook = _webhook(settings.webhook, clock, store, outbox)
    verdicts = _verdicts(settings.before_message, clock, settings.limits.message_size)
    cluster = None
    if settings.cluster.redis:
        cluster = Cluster(clock, settings.cluster, bus, chat, registry, outbox, stamp, store, encode)
    factory = ChatFactory(
        clock,
        chat if cluster is None else cluster.switchboard,
        sweeper,
        _logins(settings, projects),
        admission=_admission(settings.server),
        max_connections=settings.server.max_connections,
        message_size=settings.limits.message_size,
        send_buffer=settings.limits.send_buffer,
        rate=Rate(settings.limits.rate, settings.limits.burst),
        errors_in_a_row=settings.limits.errors_in_a_row,
        heartbeat_reply=settings.heartbeat.reply,
        direct_send=settings.server.direct_send,
        verdicts=verdicts,
    )
    if cluster is not None:
        factory.quota = quota = cluster.quota
        quota.most = lambda: factory.admission.max_per_user
        quota.count_of = lambda user_id: factory.admission.count_of(user_id)
        quota.users = lambda: factory.admission.users
        if webhook is not None:
            webhook.pass_on = cluster.leader.pass_on
            cluster.leader.add_sending(webhook)
    keeper = Keeper(clock, store, outbox, registry, stamp, containers=cluster is None)
    listeners = [Listener(name, endpoint, factory) for name, endpoint in endpoints]
    house = House(
        clock,
        chat,
        factory,
        keeper,
        listeners,
        projects,
        webhook,
        verdicts,
        cluster,
    )
    registry.setServiceParent(house)
    sweeper.setServiceParent(house)
    if manhole is not None:
        from chatd.manhole.namespace import Namespace
        from chatd.manhole.service import Manhole

        namespace = Namespace(clock, registry, factory, outbox, stamp)
        Manhole(clock, settings.manhole, manhole, namespace.entries()).setServiceParent(house)
    office = pages = None
    if admin is not None:
        side = registry, outbox, bus, stamp, conversations, replies, factory, house.readiness, house.reload
        hooks = webhook, verdicts
        office = AdminDoor(admin, clock, *side, *hooks, cluster)
        house.add_side_door(office)
    if web is not None:
        pages = _pages(web, clock, settings, listeners, replies, office)
        factory.pages_for = pages.whereabouts.pages_for
        house.add_side_door(pages)
    if settings.store.keep_days:
        days = settings.store.keep_days
        may = (lambda: True) if cluster is None else (lambda: cluster.leader.leads)
        Retention(clock, store, days, time.time, may).setServiceParent(house)
    house.drain_seconds = settings.server.drain_seconds

    def apply(old: Config, new: Config) -> None:
        """Only the first of this can fail."""
        if new.auth != old.auth:
            house.replace_projects(_projects(new.auth, clock))
            outcomes = factory.logins.outcomes
            factory.logins = _logins(new, house.projects)
            factory.logins.outcomes = outcomes
        if new.server != old.server:
            factory.admit_by(_admission(new.server))
            if pages is not None:
                pages.change(new.server.origins, new.server.proxies)
            if cluster is not None:
                cluster.quota.tell_all()
        factory.limit(
            message_size=new.limits.message_size,
            max_connections=new.server.max_connections,
            send_buffer=new.limits.send_buffer,
        )
        if verdicts is not None:
            verdicts.message_size = new.limits.message_size
        if isinstance(store, NoStore):
            store.change(new.containers.replay)
        factory.rate = Rate(new.limits.rate, new.limits.burst)
        factory.errors_in_a_row = new.limits.errors_in_a_row
        factory.heartbeat_reply = new.heartbeat.reply
        sweeper.change(new.heartbeat.interval, new.heartbeat.misses)
        chat.notices = conversations.notices = _notices(new)
        chat.coalescing.above = new.notices.coalesce_above
        chat.coalescing.window = new.notices.coalesce_window
        chat.displace = new.server.displace
        replies.configure(new.autoreply)
        conversations.replay = new.containers.replay
        conversations.idle_timeout = new.containers.idle_timeout
        conversations.deserted_size = new.containers.deserted_size
        house.drain_seconds = new.server.drain_seconds
        logs.set_level(new.log.level)

    house.configuration = Reload(settings, read or (lambda: settings), apply)
    return house


def _pages(
    web: tuple[str, IStreamServerEndpoint],
    clock: IReactorTime,
    settings: Config,
    listeners: list[Listener],
    replies: Replies,
    office: AdminDoor | None,
) -> WebDoor:
    return WebDoor(
        *web,
        clock,
        listeners,
        settings.web.url,
        settings.web.websocket,
        replies,
        office.site if office is not None else None,
        settings.server.origins,
        settings.server.proxies,
    )


def _notices(settings: Config) -> NoticeTexts:
    texts = settings.notices
    return NoticeTexts(into=texts.into, out=texts.out, out_all=texts.out_all)


def _admission(settings: Server) -> Admission:
    rate = Rate(settings.connect_rate, settings.connect_burst) if settings.connect_rate else None
    return Admission(
        origins=settings.origins,
        no_origin=settings.no_origin,
        proxies=settings.proxies,
        max_per_address=settings.max_per_address,
        max_per_user=settings.max_per_user,
        rate=rate,
    )


def _webhook(
    settings: config.Webhook, clock: IReactorTime, store: IMessageStore, outbox: Outbox
) -> Webhook | None:
    if not settings.url:
        return None
    webhook = Webhook(
        clock,
        store,
        _backend(settings, clock),
        lambda: outbox.failing is None,
        concurrency=settings.concurrency,
        retry=settings.retry,
        retry_most=settings.retry_most,
        keep_hours=settings.keep_hours,
        most=settings.most,
        now=time.time,
        chance=random.random,
    )
    outbox.reported = webhook.reported
    return webhook


def _verdicts(settings: config.BeforeMessage, clock: IReactorTime, message_size: int) -> Verdicts | None:
    if not settings.url:
        return None
    return Verdicts(
        clock,
        _backend(settings, clock),
        timeout=settings.timeout,
        concurrency=settings.concurrency,
        allows=settings.on_failure == "allow",
        message_size=message_size,
    )


def _backend(settings: config.Webhook | config.BeforeMessage, clock: IReactorTime) -> Endpoint:
    return Endpoint(
        clock, settings.url, settings.secret, settings.ca_file, settings.timeout, settings.concurrency
    )


def _projects(settings: Auth, clock: IReactorTime) -> Projects:
    hashes = Hashes(clock)  # type: ignore[arg-type]
    means = Means(clock, hashes)
    throttle = Throttle(settings.failures, settings.failures_per_address, settings.failure_window)
    known = kinds() if settings.projects else {}
    checkers = {
        name: Guard(
            name, known[project.kind](project, means), clock, throttle, settings.remember, settings.timeout
        )
        for name, project in settings.projects.items()
    }
    rooms = {name: project.rooms for name, project in settings.projects.items()}
    return Projects(checkers, rooms, hashes)


def _logins(settings: Config, projects: Projects) -> Logins:
    checkers: list[ICredentialsChecker] = [projects]
    if settings.auth.anonymous:
        checkers.append(AllowAnonymousAccess())
    return Logins(Portal(Realm(), checkers), settings.auth.projects, settings.auth.default)


def kinds() -> dict[str, Any]:
    """The kinds of checkers: ours, and those that installed packages bring."""
    found: dict[str, Any] = {"file": FileChecker, "http": HttpChecker, "sql": SqlChecker}
    for entry_point in entry_points(group="chatd.checkers"):
        try:
            found[entry_point.name] = entry_point.load()
        except Exception as error:
            kind = f"auth: the kind {entry_point.name!r}, {entry_point.value}"
            raise ConfigError(f"{kind}: {error}") from None
    return found
