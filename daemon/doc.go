// Package daemon is what every headstart process has around its work: flags
// with environment variables as their defaults, a logger, metrics and health
// on one HTTP listener, secrets that don't print, and an orderly shutdown.
//
// It guarantees that a process reports all mistakes in its flags and
// environment at once and exits with 2 before anything starts, that SIGINT
// and SIGTERM cancel the context that everything runs under, and that a second
// signal kills the process.
package daemon
