// Package bus is headstart's use of NATS JetStream, and nothing else in
// headstart knows NATS: the streams, the connection, publishing, reading a
// stream as a stage of the pipeline or for once, delivering messages to the
// outside, and the state that a stage keeps.
//
// It guarantees:
//   - A [Stage] loses nothing and says nothing twice, wherever a process is
//     killed. It publishes what follows from a batch of messages, then saves
//     the state that stands for them, then its position in the stream. What a
//     stage does after a crash is recognised by the deterministic ids of what
//     it had published before.
//   - A [Delivery] hands every message to its handler until the handler is
//     done with it: at least once, and once unless the process or the server
//     dies between the handler's end and its acknowledgement.
//   - [Bus.Read] and its like give each message that the stream holds once and
//     in order, and leave no trace.
//   - [Bus.Close] returns when everything sent has been flushed and the
//     connection is closed.
package bus
