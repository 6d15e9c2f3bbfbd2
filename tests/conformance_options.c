/* Options of the runtimes. */
#include "conformance.h"

static wasinn_status add_with(const world *w, const char *name, const wasinn_option *options, size_t count) {
    wasinn_model_config config;
    char path[PATH];
    wasinn_model_config_default(&config, sizeof config);
    config.path = model_path(w->flavour, "add", path);
    config.backend = w->flavour->backend;
    config.encoding = w->flavour->encoding;
    config.options = options;
    config.option_count = count;
    return wasinn_host_register(w->host, name, &config);
}

static void test_options(world *w) {
    static const wasinn_option unknown[] = {{"thredas", "1"}},
                               good[] = {{"threads", "1"}, {"precision", "f32"}},
                               twice[] = {{"threads", "1"}, {"threads", "1"}};
    static const wasinn_option bad[][1] = {{{"threads", "many"}},
                                           {{"threads", "-1"}},
                                           {{"threads", ""}},
                                           {{"threads", "1x"}},
                                           {{"threads", "99999999999999999999"}},
                                           {{"precision", "f7"}},
                                           {{"precision", ""}}};
    CHECK_EQ(add_with(w, "unknown", unknown, 1), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "thredas");
    if (!w->flavour->folder)
        return;
    CHECK_TEXT(wasinn_host_last_error(), "threads");
    CHECK_TEXT(wasinn_host_last_error(), "precision");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_EQ(add_with(w, "bad", bad[i], 1), WASINN_INVALID_ARGUMENT);
        CHECK_TEXT(wasinn_host_last_error(), bad[i][0].key);
        CHECK_TEXT(wasinn_host_last_error(), bad[i][0].value);
    }
    CHECK_EQ(add_with(w, "twice", twice, 2), WASINN_INVALID_ARGUMENT);
    CHECK_EQ(add_with(w, "good", good, 2), WASINN_OK);
    check_named_adds(w, "good");
    /* What was refused has left nothing behind. */
    CHECK_EQ(by_name(w, "bad", 3), 8);
    CHECK_EQ(add_with(w, "bad", good, 2), WASINN_OK);
    check_named_adds(w, "bad");
}

/* For all models of a backend; what is said of one model goes before it. */
static void test_host_options(world *w) {
    static const wasinn_option own[] = {{"threads", "2"}};
    wasinn_host *host;
    world other = *w;
    if (!w->flavour->folder) {
        skipped(w, "options", "the fake backend has none");
        return;
    }
    const char *backend = w->flavour->backend;
    CHECK_EQ(wasinn_host_new(&host), WASINN_OK);
    CHECK_EQ(wasinn_host_set_option(host, "nothing", "threads", "1"), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "nothing");
    CHECK_EQ(wasinn_host_set_option(host, backend, "thredas", "1"), WASINN_INVALID_ARGUMENT);
    CHECK_TEXT(wasinn_host_last_error(), "precision");
    CHECK_EQ(wasinn_host_set_option(host, backend, "threads", "many"), WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn_host_set_option(host, backend, "threads", "1"), WASINN_OK);
    CHECK_EQ(wasinn_host_set_option(host, backend, "precision", "f32"), WASINN_OK);
    CHECK_EQ(wasinn_host_prefer(host, w->flavour->encoding, backend), WASINN_OK);
    CHECK_EQ(wasinn_host_prefer(host, w->flavour->encoding, "nothing"), WASINN_INVALID_ARGUMENT);
    CHECK_EQ(wasinn_host_prefer(host, WASINN_ENCODING_GGML, backend), WASINN_INVALID_ARGUMENT);
    other.host = host;
    CHECK_EQ(add_with(&other, "own", own, 1), WASINN_OK);
    CHECK_EQ(wasinn_guest_new(host, &other.guest), WASINN_OK);
    still_works(&other);
    check_named_adds(&other, "own");
    wasinn_guest_free(other.guest);
    wasinn_host_free(host);
}

/* What the host says of the backend. */
static void test_backend_info(world *w) {
    wasinn_backend_info info = {0};
    size_t at = 0, again = 0;
    bool serves = false, cpu = false, threads = false;
    while (wasinn_host_backend_info(w->host, at, &info, sizeof info) == WASINN_OK &&
           strcmp(info.name, w->flavour->backend) != 0)
        at++;
    CHECK(strcmp(info.name, w->flavour->backend) == 0 && info.version && info.path && !info.problem[0]);
    for (size_t i = 0; i < info.encoding_count; i++)
        serves = serves || info.encodings[i] == w->flavour->encoding;
    CHECK(serves);
    if (!w->flavour->folder)
        return;
    for (size_t i = 0; i < info.device_count; i++)
        cpu = cpu || strstr(info.devices[i], "CPU");
    CHECK(cpu);
    for (size_t i = 0; i < info.option_count; i++) {
        CHECK(info.option_texts && info.option_texts[i] && info.option_texts[i][0]);
        threads = threads || strcmp(info.option_keys[i], "threads") == 0;
    }
    CHECK(threads);
    for (size_t i = at; wasinn_host_backend_info(w->host, i, &info, sizeof info) == WASINN_OK; i++)
        again += strcmp(info.name, w->flavour->backend) == 0;
    CHECK_EQ(again, 1);
}

const conformance_case option_cases[] = {
    {"backend info", test_backend_info},
    {"options", test_options},
    {"host's options", test_host_options},
    {NULL, NULL},
};
