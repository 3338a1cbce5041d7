import Foundation
import LogOutput
import Logging
import Synchronization

/// The log of this process on standard error.
enum ProcessLog {
  /// Takes lines from whoever logs and writes them on a thread of its own.
  private static let queue = LogQueue(descriptor: STDERR_FILENO, label: "uio2")
  private static let isUsed = Atomic(false)

  /// The logger of the process; what is not logged here is not logged.
  static func makeLogger(level: Logger.Level) -> Logger {
    let queue = queue
    isUsed.store(true, ordering: .relaxed)
    LoggingSystem.bootstrap { LineLogHandler(label: $0, queue: queue) }
    var logger = Logger(label: "uio2")
    logger.logLevel = level
    return logger
  }

  /// Gives the last lines a moment to be written.
  static func flush() {
    if isUsed.load(ordering: .relaxed) { queue.flush(within: .milliseconds(300)) }
  }
}
