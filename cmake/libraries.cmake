# Third-party libraries, each as an interface target lib_<name>. See docs/decisions for why these.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

function(library name)
    pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${ARGN})
    add_library(lib_${name} INTERFACE)
    target_link_libraries(lib_${name} INTERFACE PkgConfig::${name})
endfunction()

library(uv "libuv>=1.44")
target_link_libraries(lib_uv INTERFACE Threads::Threads)
library(crypto "libcrypto>=3.0")
library(ssl "libssl>=3.0")
library(nghttp2 "libnghttp2>=1.52")
library(curl "libcurl>=7.88")
library(jansson "jansson>=2.14")
library(yaml "yaml-0.1>=0.2.5")
library(pcre2 "libpcre2-8>=10.40")

# llhttp 8 has known request-smuggling holes, so 9.2 is the least. Debian 12 has none: the one of
# Debian 13 is unpacked into the build tree by scripts/get-llhttp, and the system stays untouched.
set(llhttp_dir ${CMAKE_SOURCE_DIR}/build/deps/llhttp)
find_path(LLHTTP_INCLUDE llhttp.h HINTS ${llhttp_dir}/usr/include)
if(NOT LLHTTP_INCLUDE)
    execute_process(COMMAND ${CMAKE_SOURCE_DIR}/scripts/get-llhttp ${llhttp_dir}
        COMMAND_ERROR_IS_FATAL ANY)
    find_path(LLHTTP_INCLUDE llhttp.h HINTS ${llhttp_dir}/usr/include REQUIRED)
endif()
file(GLOB llhttp_static ${llhttp_dir}/usr/lib/*/libllhttp.a)
find_library(LLHTTP_LIBRARY NAMES libllhttp.a llhttp HINTS ${llhttp_dir}/usr/lib
    ${llhttp_dir}/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE} REQUIRED)
file(STRINGS ${LLHTTP_INCLUDE}/llhttp.h llhttp_version REGEX "LLHTTP_VERSION_(MAJOR|MINOR) [0-9]+")
string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*" "\\1.\\2" llhttp_version "${llhttp_version}")
if(llhttp_version VERSION_LESS 9.2)
    message(FATAL_ERROR "llhttp ${llhttp_version} is too old: 9.2 or newer is needed")
endif()
add_library(lib_llhttp INTERFACE)
target_include_directories(lib_llhttp SYSTEM INTERFACE ${LLHTTP_INCLUDE})
target_link_libraries(lib_llhttp INTERFACE ${LLHTTP_LIBRARY})
