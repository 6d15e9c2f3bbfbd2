#include "abi/tables.h"

static const wasinn__table *const tables[] = {&wasinn__witx_table, &wasinn__extension_table};

const wasinn_import *wasinn_imports(size_t table, size_t *count) {
    if (table >= sizeof tables / sizeof *tables)
        return NULL;
    *count = tables[table]->count;
    return tables[table]->rows;
}
