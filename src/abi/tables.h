/* The tables of imports, one for each ABI. */
#ifndef WASINN_ABI_TABLES_H
#define WASINN_ABI_TABLES_H

#include "wasinn/engine.h"

typedef struct wasinn__table {
    const wasinn_import *rows;
    size_t count;
} wasinn__table;

extern const wasinn__table wasinn__witx_table;      /* wasi_ephemeral_nn */
extern const wasinn__table wasinn__extension_table; /* wasinn */

#endif
