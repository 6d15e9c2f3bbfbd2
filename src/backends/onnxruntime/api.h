/* What is used of ONNX Runtime's C API, by its binary interface, so that no header of it is needed.
 *
 * OrtGetApiBase() gives two functions: GetApi(version), which gives a table of functions, or NULL for a
 * version that is newer than the library, and GetVersionString(). The table only ever grows at its end, and
 * each version of it is the beginning of the next: a function keeps its place. The places and numbers are
 * those of onnxruntime_c_api.h; tests/onnxruntime_api_test.c compares them with that header where there is
 * one. */
#ifndef WASINN_BACKENDS_ONNXRUNTIME_API_H
#define WASINN_BACKENDS_ONNXRUNTIME_API_H

#include <stddef.h>
#include <stdint.h>

typedef struct OrtEnv OrtEnv;
typedef struct OrtStatus OrtStatus;
typedef struct OrtSession OrtSession;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtRunOptions OrtRunOptions;
typedef struct OrtValue OrtValue;
typedef struct OrtTypeInfo OrtTypeInfo;
typedef struct OrtTensorTypeAndShapeInfo OrtTensorTypeAndShapeInfo;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtAllocator OrtAllocator;
typedef struct OrtOptionalTypeInfo OrtOptionalTypeInfo;

/* ONNXTensorElementDataType */
enum {
    WASINN__ORT_FLOAT = 1,
    WASINN__ORT_UINT8,
    WASINN__ORT_INT8,
    WASINN__ORT_UINT16,
    WASINN__ORT_INT16,
    WASINN__ORT_INT32,
    WASINN__ORT_INT64,
    WASINN__ORT_STRING,
    WASINN__ORT_BOOL,
    WASINN__ORT_FLOAT16,
    WASINN__ORT_DOUBLE,
    WASINN__ORT_UINT32,
    WASINN__ORT_UINT64,
    WASINN__ORT_COMPLEX64,
    WASINN__ORT_COMPLEX128,
    WASINN__ORT_BFLOAT16,
    WASINN__ORT_FLOAT8E4M3FN,
    WASINN__ORT_FLOAT8E4M3FNUZ,
    WASINN__ORT_FLOAT8E5M2,
    WASINN__ORT_FLOAT8E5M2FNUZ,
    WASINN__ORT_UINT4,
    WASINN__ORT_INT4,
    WASINN__ORT_FLOAT4E2M1,
    WASINN__ORT_UINT2,
    WASINN__ORT_INT2,
    WASINN__ORT_FLOAT8E8M0
};

/* ONNXType */
enum {
    WASINN__ORT_TENSOR = 1,
    WASINN__ORT_SEQUENCE,
    WASINN__ORT_MAP,
    WASINN__ORT_OPAQUE,
    WASINN__ORT_SPARSE_TENSOR,
    WASINN__ORT_OPTIONAL
};

/* OrtLoggingLevel, GraphOptimizationLevel, ExecutionMode, OrtAllocatorType, OrtMemType */
enum { WASINN__ORT_LOG_FATAL = 4 };
enum {
    WASINN__ORT_OPTIMIZE_NONE = 0,
    WASINN__ORT_OPTIMIZE_BASIC = 1,
    WASINN__ORT_OPTIMIZE_EXTENDED = 2,
    WASINN__ORT_OPTIMIZE_ALL = 99
};
enum { WASINN__ORT_SEQUENTIAL = 0, WASINN__ORT_PARALLEL = 1 };
enum { WASINN__ORT_DEVICE_ALLOCATOR = 0, WASINN__ORT_MEMORY_DEFAULT = 0 };

typedef void (*wasinn__ort_log_fn)(void *data, int severity, const char *category, const char *id,
                                   const char *location, const char *text);

typedef struct wasinn__ort_base {
    const void *(*GetApi)(uint32_t version);
    const char *(*GetVersionString)(void);
} wasinn__ort_base;

/* The version of the table that has all of these, and the release that brought it. */
#define WASINN__ORT_API 18
#define WASINN__ORT_RELEASE "1.18"

/* X(place, result, name, parameters) */
#define WASINN__ORT_FUNCTIONS(X)                                                                             \
    X(2, const char *, GetErrorMessage, (const OrtStatus *))                                                 \
    X(4, OrtStatus *, CreateEnvWithCustomLogger,                                                             \
      (wasinn__ort_log_fn, void *data, int severity, const char *id, OrtEnv **))                             \
    X(8, OrtStatus *, CreateSessionFromArray,                                                                \
      (const OrtEnv *, const void *model, size_t size, const OrtSessionOptions *, OrtSession **))            \
    X(9, OrtStatus *, Run,                                                                                   \
      (OrtSession *, const OrtRunOptions *, const char *const *input_names, const OrtValue *const *inputs,   \
       size_t input_count, const char *const *output_names, size_t output_count, OrtValue **outputs))        \
    X(10, OrtStatus *, CreateSessionOptions, (OrtSessionOptions **))                                         \
    X(13, OrtStatus *, SetSessionExecutionMode, (OrtSessionOptions *, int mode))                             \
    X(19, OrtStatus *, DisableCpuMemArena, (OrtSessionOptions *))                                            \
    X(22, OrtStatus *, SetSessionLogSeverityLevel, (OrtSessionOptions *, int level))                         \
    X(23, OrtStatus *, SetSessionGraphOptimizationLevel, (OrtSessionOptions *, int level))                   \
    X(24, OrtStatus *, SetIntraOpNumThreads, (OrtSessionOptions *, int count))                               \
    X(25, OrtStatus *, SetInterOpNumThreads, (OrtSessionOptions *, int count))                               \
    X(30, OrtStatus *, SessionGetInputCount, (const OrtSession *, size_t *))                                 \
    X(31, OrtStatus *, SessionGetOutputCount, (const OrtSession *, size_t *))                                \
    X(33, OrtStatus *, SessionGetInputTypeInfo, (const OrtSession *, size_t index, OrtTypeInfo **))          \
    X(34, OrtStatus *, SessionGetOutputTypeInfo, (const OrtSession *, size_t index, OrtTypeInfo **))         \
    X(36, OrtStatus *, SessionGetInputName, (const OrtSession *, size_t index, OrtAllocator *, char **))     \
    X(37, OrtStatus *, SessionGetOutputName, (const OrtSession *, size_t index, OrtAllocator *, char **))    \
    X(39, OrtStatus *, CreateRunOptions, (OrtRunOptions **))                                                 \
    X(41, OrtStatus *, RunOptionsSetRunLogSeverityLevel, (OrtRunOptions *, int level))                       \
    X(46, OrtStatus *, RunOptionsSetTerminate, (OrtRunOptions *))                                            \
    X(47, OrtStatus *, RunOptionsUnsetTerminate, (OrtRunOptions *))                                          \
    X(49, OrtStatus *, CreateTensorWithDataAsOrtValue,                                                       \
      (const OrtMemoryInfo *, void *data, size_t size, const int64_t *dims, size_t rank, int type,           \
       OrtValue **))                                                                                         \
    X(50, OrtStatus *, IsTensor, (const OrtValue *, int *))                                                  \
    X(51, OrtStatus *, GetTensorMutableData, (OrtValue *, void **))                                          \
    X(55, OrtStatus *, CastTypeInfoToTensorInfo, (const OrtTypeInfo *, const OrtTensorTypeAndShapeInfo **))  \
    X(56, OrtStatus *, GetOnnxTypeFromTypeInfo, (const OrtTypeInfo *, int *))                                \
    X(60, OrtStatus *, GetTensorElementType, (const OrtTensorTypeAndShapeInfo *, int *))                     \
    X(61, OrtStatus *, GetDimensionsCount, (const OrtTensorTypeAndShapeInfo *, size_t *))                    \
    X(62, OrtStatus *, GetDimensions, (const OrtTensorTypeAndShapeInfo *, int64_t *dims, size_t count))      \
    X(64, OrtStatus *, GetTensorShapeElementCount, (const OrtTensorTypeAndShapeInfo *, size_t *))            \
    X(65, OrtStatus *, GetTensorTypeAndShape, (const OrtValue *, OrtTensorTypeAndShapeInfo **))              \
    X(69, OrtStatus *, CreateCpuMemoryInfo, (int allocator, int type, OrtMemoryInfo **))                     \
    X(76, OrtStatus *, AllocatorFree, (OrtAllocator *, void *))                                              \
    X(78, OrtStatus *, GetAllocatorWithDefaultOptions, (OrtAllocator **))                                    \
    X(92, void, ReleaseEnv, (OrtEnv *))                                                                      \
    X(93, void, ReleaseStatus, (OrtStatus *))                                                                \
    X(94, void, ReleaseMemoryInfo, (OrtMemoryInfo *))                                                        \
    X(95, void, ReleaseSession, (OrtSession *))                                                              \
    X(96, void, ReleaseValue, (OrtValue *))                                                                  \
    X(97, void, ReleaseRunOptions, (OrtRunOptions *))                                                        \
    X(98, void, ReleaseTypeInfo, (OrtTypeInfo *))                                                            \
    X(99, void, ReleaseTensorTypeAndShapeInfo, (OrtTensorTypeAndShapeInfo *))                                \
    X(100, void, ReleaseSessionOptions, (OrtSessionOptions *))                                               \
    X(125, OrtStatus *, GetAvailableProviders, (char ***, int *count))                                       \
    X(126, OrtStatus *, ReleaseAvailableProviders, (char **, int count))                                     \
    X(130, OrtStatus *, AddSessionConfigEntry, (OrtSessionOptions *, const char *key, const char *value))    \
    X(192, OrtStatus *, HasValue, (const OrtValue *, int *))                                                 \
    X(279, OrtStatus *, AddExternalInitializersFromFilesInMemory,                                            \
      (OrtSessionOptions *, const char *const *names, char *const *data, const size_t *sizes, size_t count))

typedef struct wasinn__ort {
#define FIELD(place, result, name, parameters) result(*name) parameters;
    WASINN__ORT_FUNCTIONS(FIELD)
#undef FIELD
} wasinn__ort;

#endif
