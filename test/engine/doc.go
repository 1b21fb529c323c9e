// Package engine gives tests a real Docker engine: the one that runs, else one
// that it starts itself and stops in the end, with all its files in a
// directory of its own.
//
// Where the registry can't be reached, the base images that the product's
// Dockerfile and compose.yaml name are stood in for by local ones of the same
// name ([Golang], [NATS]). What is tested is then all but the base images: the
// Dockerfile, the images made from it, compose.yaml, and the containers'
// networks, volumes, users and limits.
//
// It needs root, and the packages that `make test` installs: docker.io or
// another engine, docker-compose (1.29 or 2) and busybox-static.
//
// An engine that it started leaves behind what every Docker engine leaves in
// the kernel when it stops: the bridge docker0, its iptables chains and IP
// forwarding switched on.
package engine
