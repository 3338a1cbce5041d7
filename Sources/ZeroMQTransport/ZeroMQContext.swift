import CZeroMQ
package import RobotInterface

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// libzmq's thread and what the sockets of one address share. Unlike a socket it may be used from any thread.
///
/// The last one that holds it ends it, and then waits, for the linger time at most, until what was sent has left.
package final class ZeroMQContext: @unchecked Sendable {
  /// libzmq names the peers that give no name of their own by counting from a number of `rand()`, which begins with the same one in
  /// every process. A peer that gives itself the name whose turn comes next would end the process (an assertion in libzmq), so the
  /// number must not be known.
  private static let seed: Void = srand(UInt32.random(in: .min ... .max))

  private let handle: UnsafeMutableRawPointer

  /// - Throws: `.internal` with libzmq's reason.
  package init() throws(RobotError) {
    _ = Self.seed
    guard let handle = zmq_ctx_new() else { throw ZeroMQSocket.failure("context") }
    self.handle = handle
  }

  deinit {
    // A signal must not leave the context half closed.
    while zmq_ctx_term(handle) != 0, zmq_errno() == EINTR {}
  }

  /// Ends every wait on a socket of this context, on whichever thread, with an error; messages still leave.
  func shutDown() { _ = zmq_ctx_shutdown(handle) }

  /// - Throws: `.internal` with libzmq's reason.
  func makeSocket(_ code: Int32) throws(RobotError) -> UnsafeMutableRawPointer {
    guard let socket = zmq_socket(handle, code) else { throw ZeroMQSocket.failure("socket") }
    return socket
  }
}
