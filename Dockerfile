FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=0.1.0
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.Version=${VERSION} -X main.Date=$(date -u +%Y-%m-%d)" -o /connector ./cmd/connector \
 && mkdir /empty

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /connector /connector
COPY --from=build --chown=65532:65532 /empty /state
COPY --from=build --chown=65532:65532 /empty /tmp
COPY pipelines /pipelines
USER 65532:65532
ENV STATE_DIR=/state
VOLUME /state
HEALTHCHECK --interval=30s --timeout=6s --start-period=30s CMD ["/connector", "health"]
ENTRYPOINT ["/connector"]
CMD ["-c", "/pipelines/pipedrive.yaml"]
