/* What the bytes of a model, or what lies at a path, are: told by how they begin, as some formats have no
 * other mark, and without any ML runtime. Cheap: a few hundred bytes are looked at, wherever they lie. */
#ifndef WASINN_BACKENDS_FORMATS_H
#define WASINN_BACKENDS_FORMATS_H

#include "wasinn/backend.h"

typedef enum wasinn__format {
    WASINN__FORMAT_UNKNOWN = 0,
    WASINN__FORMAT_XML, /* of an OpenVINO model; its weights are another blob or file */
    WASINN__FORMAT_ONNX,
    WASINN__FORMAT_GRAPH,       /* TensorFlow's GraphDef, with weights within it: "frozen" */
    WASINN__FORMAT_SAVED_MODEL, /* the saved_model.pb of a SavedModel, which is a folder */
    WASINN__FORMAT_TENSORFLOWLITE,
    WASINN__FORMAT_PYTORCH, /* an archive of its, or an old pickle with its number */
    WASINN__FORMAT_GGUF
} wasinn__format;

/* What these bytes begin as. */
wasinn__format wasinn__format_of_bytes(const wasinn_blob *bytes);
/* What the file begins as; unknown when it is no file or cannot be read. */
wasinn__format wasinn__format_of_file(const char *path);
/* "a TensorFlow Lite model" and so on; "no model of a known format". */
const char *wasinn__format_text(wasinn__format format);

/* Whether the blobs that a guest loads are a model, and of which encoding: two, the first an xml, for
 * openvino; one for the others. A saved_model.pb counts as tensorflow, although it cannot be loaded without
 * its folder. */
bool wasinn__format_of_blobs(const wasinn_blob *blobs, size_t count, wasinn_encoding *encoding);
/* The same for a file or folder: an .xml with an xml in it, a folder with saved_model.pb, with model.xml or
 * with just one .xml, or a file of another format, whatever it is called. */
bool wasinn__format_of_path(const char *path, wasinn_encoding *encoding);

/* The xml that a path means: itself, or in a folder model.xml, else the only .xml there. When there is none,
 * `capacity` is too small, or there are several, *found tells how many. */
bool wasinn__format_find_xml(const char *path, char *xml, size_t capacity, size_t *found);
/* Whether a path is a SavedModel: its folder, or the saved_model.pb in it; `folder` is the former. */
bool wasinn__format_find_saved_model(const char *path, char *folder, size_t capacity);

#endif
