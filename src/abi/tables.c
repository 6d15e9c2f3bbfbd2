#include "abi/tables.h"

static const wasinn__table *const tables[] = {&wasinn__witx_table, &wasinn__extension_table};

const wasinn_import *wasinn_import_at(size_t index) {
    for (size_t table = 0; table < sizeof tables / sizeof *tables; table++) {
        if (index < tables[table]->count)
            return &tables[table]->rows[index];
        index -= tables[table]->count;
    }
    return NULL;
}
