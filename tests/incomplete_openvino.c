/* A library that is none of OpenVINO's. */
__attribute__((visibility("default"))) int nothing_of_openvino(void);
int nothing_of_openvino(void) {
    return 0;
}
