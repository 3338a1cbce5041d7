import NIOCore
import NIOPosix

/// The thread that all websocket and HTTP servers of a process share.
public final class WebLoop: Sendable {
  let group: MultiThreadedEventLoopGroup

  /// Starts the thread.
  public init() { group = MultiThreadedEventLoopGroup(numberOfThreads: 1) }

  var loop: any EventLoop { group.next() }

  /// Ends the thread, after the servers; waits for it. Never from the thread itself.
  public func shutDown() { try? group.syncShutdownGracefully() }
}
