// Package bus is headstart's only package that uses NATS JetStream: the streams,
// the connection, publishing, reading a stream once or as a stage of the
// pipeline, delivering messages to other systems, and the state of a stage.
//
// It guarantees:
//   - A [Stage] loses nothing and publishes nothing twice, wherever a process is
//     killed. It publishes the outputs of a batch of messages, then saves its
//     states, then its position in the input stream. After a crash it recognizes
//     by their deterministic ids the outputs that it had published before.
//   - A [Delivery] passes every message to its handler until the handler is done
//     with it: at least once, and exactly once unless the process or the server
//     dies between the handler's end and the acknowledgement.
//   - [Bus.Read] and the other readers pass on each message of a stream once and
//     in order, and change nothing.
//   - [Bus.Close] returns when everything sent has been flushed and the
//     connection is closed.
package bus
