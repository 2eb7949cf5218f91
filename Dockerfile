# Fairlead's image: the release build and the libraries it is linked with, on Debian 13.
#
#   scripts/image            builds it with buildah, tries it, prints its size; the same image twice
#
# What Debian has changes: who needs the very same image again gives --build-arg DEBIAN= a base that
# is named by its digest, and packages by way of a snapshot of Debian in its apt sources.
ARG DEBIAN=debian:trixie-slim

FROM ${DEBIAN} AS build
RUN apt-get -qq update && apt-get -qq -y --no-install-recommends install \
        gcc libc6-dev cmake ninja-build pkg-config libcap2-bin libuv1-dev libllhttp-dev libssl-dev \
        libjansson-dev libcurl4-openssl-dev libnghttp2-dev libyaml-dev libpcre2-dev
WORKDIR /src
COPY CMakeLists.txt CMakePresets.json main.c ./
COPY cmake cmake
COPY core core
COPY tls tls
COPY route route
COPY lb lb
COPY proxy proxy
COPY controller controller
COPY cli cli
COPY tests/bench tests/bench
RUN cmake --preset release && cmake --build --preset release --target fairlead && \
    install -D --strip build/release/fairlead /out/usr/bin/fairlead && \
    setcap cap_net_bind_service=p /out/usr/bin/fairlead

FROM ${DEBIAN}
RUN apt-get -qq update && \
    apt-get -qq -y --no-install-recommends install libuv1t64 libssl3t64 libjansson4 \
        libcurl4t64 libnghttp2-14 libyaml-0-2 libpcre2-8-0 && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig/* \
        /var/log/apt /var/log/*.log /var/lib/dpkg/*-old && \
    find / -xdev -perm /6000 -type f -exec chmod a-s {} +
# Ports below 1024, for a user who is not root: as far as the container is allowed them.
COPY --from=build /out/ /
USER 65532:65532
EXPOSE 8080 8443
ENTRYPOINT ["/usr/bin/fairlead"]
CMD ["serve"]
