/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.c - libcurl says which sockets and when; the loop says that it is so.
 */
#include "controller/kube/session.h"

#include "core/check.h"
#include "core/mem.h"

struct session {
    CURLM *multi; /* owned */
    uv_loop_t *loop;
    uv_timer_t timer;
    const struct session_events *events;
    void *context;
    uint32_t handles_open;
    bool is_busy;    /* inside libcurl */
    bool is_running; /* inside run() */
    bool is_closing;
};

/* One socket of libcurl's. */
struct watched {
    uv_poll_t poll;
    struct session *session; /* borrowed */
    curl_socket_t socket;
};

bool session_is_busy(const struct session *session)
{
    return session->is_busy;
}

static void on_handle_closed(struct session *session)
{
    CHECK(session->handles_open > 0);
    if (--session->handles_open > 0)
        return;
    session->events->on_closed(session->context);
    mem_free(session);
}

/* The sockets are closed by libcurl, and their handles by its callback. */
static void close_now(struct session *session);

/* Messages are taken one by one, as each callback may add and remove transfers. */
static void tell_done(struct session *session)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(session->multi, &left)) != NULL) {
        CURL *easy = message->easy_handle;
        CURLcode result = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        session_remove(session, easy);
        session->events->on_done(session->context, easy, result);
    }
}

static void enter(struct session *session)
{
    session->is_running = true;
    session->is_busy = true;
}

static void leave(struct session *session)
{
    session->is_busy = false;
    tell_done(session);
    session->events->on_left(session->context);
    session->is_running = false;
    if (session->is_closing)
        close_now(session);
}

static void run(struct session *session, curl_socket_t socket, int events)
{
    int transfers;

    enter(session);
    (void)curl_multi_socket_action(session->multi, socket, events, &transfers);
    leave(session);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watched *watched = poll->data;
    int flags = 0;

    if (status < 0)
        flags = CURL_CSELECT_ERR;
    if ((events & (UV_READABLE | UV_DISCONNECT)) != 0)
        flags |= CURL_CSELECT_IN;
    if ((events & UV_WRITABLE) != 0)
        flags |= CURL_CSELECT_OUT;
    run(watched->session, watched->socket, flags);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct watched *watched = handle->data;
    struct session *session = watched->session;

    mem_free(watched);
    on_handle_closed(session);
}

static void forget(struct session *session, curl_socket_t socket, struct watched *watched)
{
    uv_poll_stop(&watched->poll);
    uv_close((uv_handle_t *)&watched->poll, on_poll_closed);
    (void)curl_multi_assign(session->multi, socket, NULL);
}

static struct watched *watch(struct session *session, curl_socket_t socket)
{
    struct watched *watched = mem_new(struct watched);

    watched->session = session;
    watched->socket = socket;
    watched->poll.data = watched;
    CHECK(uv_poll_init_socket(session->loop, &watched->poll, socket) == 0);
    session->handles_open++;
    (void)curl_multi_assign(session->multi, socket, watched);
    return watched;
}

/* CURLMOPT_SOCKETFUNCTION */
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *socket_data)
{
    struct session *session = context;
    struct watched *watched = socket_data;
    int events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watched != NULL)
            forget(session, socket, watched);
        return 0;
    }
    if (watched == NULL)
        watched = watch(session, socket);
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        events |= UV_READABLE;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        events |= UV_WRITABLE;
    CHECK(uv_poll_start(&watched->poll, events, on_poll) == 0);
    return 0;
}

static void on_timer(uv_timer_t *timer)
{
    run(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

/* CURLMOPT_TIMERFUNCTION. A timeout of 0 is for the next turn: libcurl must not be called from
 * here, and libuv would run a timer of 0 again in the same turn, and so on. */
static int on_timeout(CURLM *multi, long timeout_ms, void *context)
{
    struct session *session = context;

    (void)multi;
    if (uv_is_closing((uv_handle_t *)&session->timer))
        return 0;
    if (timeout_ms < 0)
        uv_timer_stop(&session->timer);
    else
        uv_timer_start(&session->timer, on_timer, timeout_ms > 0 ? (uint64_t)timeout_ms : 1, 0);
    return 0;
}

struct session *session_open(uv_loop_t *loop, const struct session_events *events, void *context)
{
    struct session *session = mem_new(struct session);

    *session = (struct session){.loop = loop, .events = events, .context = context};
    session->multi = curl_multi_init();
    CHECK(session->multi != NULL);
    uv_timer_init(loop, &session->timer);
    session->timer.data = session;
    session->handles_open = 1;
    curl_multi_setopt(session->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(session->multi, CURLMOPT_SOCKETDATA, session);
    curl_multi_setopt(session->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(session->multi, CURLMOPT_TIMERDATA, session);
    curl_multi_setopt(session->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    return session;
}

static void on_timer_closed(uv_handle_t *handle)
{
    on_handle_closed(handle->data);
}

static void close_now(struct session *session)
{
    uv_close((uv_handle_t *)&session->timer, on_timer_closed);
    (void)curl_multi_cleanup(session->multi);
}

void session_close(struct session *session)
{
    CHECK(!session->is_busy);
    if (session->is_closing)
        return;
    session->is_closing = true;
    if (!session->is_running)
        close_now(session);
}

void session_add(struct session *session, CURL *easy)
{
    CHECK(!session->is_busy);
    CHECK(curl_multi_add_handle(session->multi, easy) == CURLM_OK);
}

void session_remove(struct session *session, CURL *easy)
{
    CHECK(!session->is_busy);
    (void)curl_multi_remove_handle(session->multi, easy);
}

void session_resume(struct session *session, CURL *easy)
{
    CHECK(!session->is_busy);
    enter(session);
    (void)curl_easy_pause(easy, CURLPAUSE_CONT);
    leave(session);
}
