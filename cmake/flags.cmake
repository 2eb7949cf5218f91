# Warnings are errors, with gcc and with clang; hardening in release.
add_compile_definitions(_GNU_SOURCE FAIRLEAD_VERSION="${PROJECT_VERSION}")
add_compile_options(
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wvla -Wstrict-prototypes -Wmissing-prototypes
    -Wold-style-definition -Wundef -Wformat=2 -Wwrite-strings -Wcast-qual -Wcast-align
    -Wpointer-arith -Wnull-dereference -Wimplicit-fallthrough -Wswitch-enum -Wdouble-promotion
    -fvisibility=hidden)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wlogical-op -Wduplicated-cond -Wduplicated-branches)
else()
    add_compile_options(-Wcomma -Wunreachable-code -Wconditional-uninitialized)
endif()
option(FAIRLEAD_WERROR "Warnings are errors" ON)
if(FAIRLEAD_WERROR)
    add_compile_options(-Werror)
endif()

set(FAIRLEAD_SANITIZE "" CACHE STRING "For example address,undefined or thread")
if(FAIRLEAD_SANITIZE)
    add_compile_options(-fsanitize=${FAIRLEAD_SANITIZE} -fno-sanitize-recover=all
        -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${FAIRLEAD_SANITIZE})
endif()

# CMake's own -O3 -DNDEBUG is not ours: CHECK() and assert() stay on.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-Og -g")
if(CMAKE_BUILD_TYPE STREQUAL "Release")
    # Small functions in many files: inlining across them saves a tenth of the request path.
    if(NOT FAIRLEAD_SANITIZE AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
        add_compile_options(-flto=auto -fno-fat-lto-objects)
        add_link_options(-flto=auto)
    endif()
    add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection)
    include(CheckCCompilerFlag) # clang before 16 takes it only with a second flag
    check_c_compiler_flag(-ftrivial-auto-var-init=zero HAS_TRIVIAL_AUTO_VAR_INIT)
    if(HAS_TRIVIAL_AUTO_VAR_INIT)
        add_compile_options(-ftrivial-auto-var-init=zero)
    endif()
    add_compile_definitions($<$<NOT:$<BOOL:${FAIRLEAD_SANITIZE}>>:_FORTIFY_SOURCE=3>)
    add_link_options(-pie -Wl,-z,relro,-z,now)
endif()

# The layers are instrumented for coverage too, or the fuzzers would see the targets alone.
if(FAIRLEAD_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
