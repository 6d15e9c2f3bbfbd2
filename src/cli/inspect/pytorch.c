/* PyTorch: a ZIP archive of TorchScript, a state dict or an exported program, or a pickle of an older
 * version. */
#include <stdio.h>
#include <stdlib.h>

#include "pickle.h"
#include "zip.h"

struct torch {
    struct wasinn__reader *reader;
    char *problem;
    struct wasinn__model_facts facts;
    struct wasinn__storages storages;
    bool has_pickle, has_code, has_constants, has_bytecode, has_program;
    struct wasinn__zip_entry pickle;
};

static bool fail(struct torch *torch, const char *what) {
    wasinn__malformed(torch->reader, torch->problem, 0, "%s", what);
    return false;
}

static bool note(struct torch *torch, const char *text) {
    return wasinn__facts_note(&torch->facts, "%s", text) || fail(torch, "no memory");
}

/* ---- Archives ------------------------------------------------------------------------------------ */

static bool begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

/* An entry's name without the archive's own folder, which all are in. */
static const char *inner_name(const char *name) {
    const char *slash = strchr(name, '/');
    return slash ? slash + 1 : name;
}

static void recognise(struct torch *torch, const struct wasinn__zip_entry *entry) {
    const char *name = inner_name(entry->name);
    if (strcmp(name, "data.pkl") == 0 && name != entry->name) {
        torch->has_pickle = true;
        torch->pickle = *entry;
    } else if (strcmp(name, "constants.pkl") == 0) {
        torch->has_constants = true;
    } else if (strcmp(name, "bytecode.pkl") == 0) {
        torch->has_bytecode = true;
    } else if (begins(name, "code/")) {
        torch->has_code = true;
    } else if (strcmp(entry->name, "serialized_exported_program.json") == 0 ||
               strcmp(name, "serialized_exported_program.json") == 0 ||
               (begins(name, "models/") && strstr(name, ".json"))) {
        torch->has_program = true;
    }
}

/* Weights are counted when all of them are told in a way that is known. */
static bool count_weights(struct torch *torch) {
    struct wasinn__zip zip;
    struct wasinn__zip_entry entry;
    uint64_t at, total = 0;
    bool known = torch->pickle.stored;
    if (!known)
        return true;
    if (!wasinn__zip_open(&zip, torch->reader, torch->problem) ||
        !wasinn__zip_content(&zip, &torch->pickle, &at))
        return false;
    known = wasinn__pickle_walk(torch->reader, &at, at + torch->pickle.size, &torch->storages);
    wasinn__storages_sort(&torch->storages);
    size_t found = 0;
    while (wasinn__zip_next(&zip, &entry)) {
        const char *name = inner_name(entry.name);
        if (!begins(name, "data/"))
            continue;
        const struct wasinn__storage *storage = wasinn__storages_find(&torch->storages, name + 5);
        known = known && storage && entry.size / storage->size == storage->elements &&
                !__builtin_add_overflow(total, storage->elements, &total);
        found += storage != NULL;
    }
    if (torch->problem[0])
        return false;
    torch->facts.parameters_known =
        known && !torch->storages.others && found == torch->storages.count && total <= INT64_MAX;
    torch->facts.parameters = torch->facts.parameters_known ? total : 0;
    return true;
}

static bool name_archive(struct torch *torch, const struct wasinn__zip_entry *pickle) {
    const char *slash = strchr(pickle->name, '/');
    bool script = torch->has_code || torch->has_constants || torch->has_bytecode;
    if (torch->has_program)
        strcpy(torch->facts.format_text, "PyTorch exported program");
    else if (script)
        strcpy(torch->facts.format_text,
               torch->has_bytecode ? "TorchScript, with mobile bytecode" : "TorchScript");
    else
        strcpy(torch->facts.format_text, "PyTorch state dict or module");
    if (slash && slash > pickle->name && !torch->has_program) {
        struct wasinn__reader name;
        wasinn__reader_on(&name, pickle->name, (uint64_t)(slash - pickle->name));
        torch->facts.name = wasinn__model_text(&name, torch->problem, 0, name.size, "the archive's name");
        if (!torch->facts.name)
            return false;
    }
    if (script && !torch->has_program)
        return note(torch, "the file does not tell its inputs and outputs");
    return torch->has_program ||
           note(torch, "weights without a graph: to be exported before a host can load it");
}

static bool read_archive(struct torch *torch) {
    struct wasinn__zip zip;
    struct wasinn__zip_entry entry;
    if (!wasinn__zip_open(&zip, torch->reader, torch->problem)) {
        /* Without directory: is it one of PyTorch's that was cut off? They begin with the pickle. */
        const uint8_t *head = wasinn__reader_at(torch->reader, 0, 30);
        uint16_t length = head ? wasinn__u16(head + 26) : 0;
        const uint8_t *name = length > 9 ? wasinn__reader_at(torch->reader, 30, length) : NULL;
        bool ours = name && memcmp(name + length - 9, "/data.pkl", 9) == 0;
        if (!ours)
            torch->problem[0] = '\0';
        return ours &&
               fail(torch, "the directory that ends a PyTorch archive is missing: the file is cut off");
    }
    while (wasinn__zip_next(&zip, &entry))
        recognise(torch, &entry);
    bool ours = torch->has_program || torch->has_pickle;
    if (torch->problem[0] || !ours) {
        if (!ours)
            torch->problem[0] = '\0';
        return false;
    }
    return (torch->has_program || count_weights(torch)) && name_archive(torch, &torch->pickle);
}

/* ---- Pickles ------------------------------------------------------------------------------------- */

/* The magic number with which files of torch.save began before they were archives, as a pickle. */
static const uint8_t legacy[] = {0x80, 2,    0x8a, 10,   0x6c, 0xfc, 0x9c, 0x46,
                                 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};

/* After the magic number come pickles of the protocol's version, the machine, the object and the storages'
 * keys; then each storage: its number of elements and these. */
static bool read_legacy(struct torch *torch) {
    uint64_t at = sizeof legacy, size = wasinn__reader_size(torch->reader), bytes = 0, total = 0;
    strcpy(torch->facts.format_text, "PyTorch state dict or module (before 1.6)");
    for (int i = 0; i < 4; i++) {
        if (!wasinn__pickle_walk(torch->reader, &at, size, &torch->storages))
            return wasinn__malformed(torch->reader, torch->problem, at,
                                     "expected a pickle: the file is damaged or cut off");
    }
    wasinn__storages_sort(&torch->storages);
    for (size_t i = 0; i < torch->storages.count; i++) {
        uint64_t length;
        if (__builtin_mul_overflow(torch->storages.list[i].elements, torch->storages.list[i].size, &length) ||
            __builtin_add_overflow(bytes, 8 + length, &bytes) || bytes > size - at)
            return wasinn__malformed(torch->reader, torch->problem, at,
                                     "the weights have more bytes than are left: the file is cut off");
        total += torch->storages.list[i].elements;
    }
    torch->facts.parameters_known = !torch->storages.others && bytes == size - at;
    torch->facts.parameters = torch->facts.parameters_known ? total : 0;
    return note(torch, "weights without a graph: to be exported before a host can load it");
}

static bool read_pickle(struct torch *torch) {
    uint64_t at = 0, size = wasinn__reader_size(torch->reader);
    if (!wasinn__pickle_walk(torch->reader, &at, size, &torch->storages) || at != size)
        return false;
    strcpy(torch->facts.format_text, "Python pickle");
    return note(torch, "whoever loads it runs what code it has; no host of wasi-nn takes it as a model");
}

bool wasinn__read_pytorch(struct wasinn__reader *reader, struct wasinn__model_facts *facts, char *problem) {
    struct torch torch = {.reader = reader, .problem = problem};
    bool done = false;
    problem[0] = '\0';
    const uint8_t *head = wasinn__reader_at(reader, 0, 4);
    if (!head)
        return false;
    if (memcmp(head, "PK\3\4", 4) == 0) {
        done = read_archive(&torch);
    } else if (head[0] == 0x80 && head[1] >= 2 && head[1] <= 5) {
        head = wasinn__reader_at(reader, 0, sizeof legacy);
        done = head && memcmp(head, legacy, sizeof legacy) == 0 ? read_legacy(&torch) : read_pickle(&torch);
    }
    wasinn__storages_free(&torch.storages);
    if (!done) {
        wasinn__model_facts_free(&torch.facts);
        return false;
    }
    *facts = torch.facts;
    facts->encoding = WASINN_ENCODING_PYTORCH;
    facts->format = facts->format_text;
    return true;
}
