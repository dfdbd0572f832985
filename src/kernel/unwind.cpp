// In a static program the C++ start files (crtbeginT.o) register all unwinding tables with the run time library, which
// then sorts every entry of them when the first exception is thrown: 2 ms in a program of our size. With the sorted
// table that the linker can make (.eh_frame_hdr, found by dl_iterate_phdr(3)) nothing has to be registered. The linker
// leads the two calls here (CMakeLists.txt, --wrap).
extern "C" {
void __wrap___register_frame_info(const void* tables, void* object);
void* __wrap___deregister_frame_info(const void* tables);

void __wrap___register_frame_info(const void*, void*) {}
void* __wrap___deregister_frame_info(const void*) { return nullptr; }
}
