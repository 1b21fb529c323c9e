# The four services, one image each:
#   docker build --target poller --tag headstart/poller .
# and likewise tracker, correlator and notifier. Builds with and without BuildKit.

FROM golang:1.26 AS build
ENV CGO_ENABLED=0 GOWORK=off GOFLAGS=-buildvcs=false
# Source of modules, unless the base image sets one: docker build --build-arg GOPROXY=…
ARG GOPROXY
WORKDIR /src

# Modules are downloaded again only when one of these files changes.
COPY go.mod go.sum ./
RUN go mod download

COPY . .
ARG VERSION
RUN for service in poller tracker correlator notifier; do \
      go build -trimpath -ldflags "-s -w -X headstart/daemon.version=$VERSION" -o /out/$service ./cmd/$service || exit 1; \
    done; \
    mkdir -p /state/spool

FROM scratch AS service
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
LABEL org.opencontainers.image.title=headstart \
      org.opencontainers.image.licenses=Apache-2.0
USER 65532:65532

FROM service AS tracker
COPY --from=build /out/tracker /tracker
ENTRYPOINT ["/tracker"]

FROM service AS correlator
COPY --from=build /out/correlator /correlator
ENTRYPOINT ["/correlator"]

FROM service AS notifier
COPY --from=build /out/notifier /notifier
ENTRYPOINT ["/notifier"]

FROM service AS poller
COPY --from=build /out/poller /poller
# A volume mounted here takes this owner, so that the poller can write.
COPY --from=build --chown=65532:65532 /state/ /
ENTRYPOINT ["/poller"]
