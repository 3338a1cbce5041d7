import ArgumentParser
import Foundation
import Logging
import Tensors

/// `--realtime`: a process that serves a robot goes before the others, and its memory stays in memory.
struct RealtimeOption: ParsableArguments {
  @Flag(
    help:
      "Go before other processes (SCHED_FIFO where permitted, else a higher priority) and keep all memory resident; needs CAP_SYS_NICE and CAP_IPC_LOCK, or limits of rtprio and memlock."
  )
  var realtime = false

  /// Below the kernel's own threads, which serve the devices.
  private static let priority = 10

  /// Asks for what is permitted, for this thread and those that it starts, and says what was not.
  func apply(_ logger: Logger) {
    guard realtime else { return }
    do throws(TensorError) {
      try ComputeThreads.requestRealtime(priority: Self.priority)
      logger.info("real-time scheduling", metadata: ["policy": "SCHED_FIFO", "priority": "\(Self.priority)"])
    } catch {
      logger.warning("\(error.subject): \(error.message)")
      if setpriority(.init(PRIO_PROCESS.rawValue), 0, -10) == 0 {
        logger.info("a higher priority instead", metadata: ["nice": "-10"])
      } else {
        logger.warning("a higher priority: not permitted either; the process runs as any other")
      }
    }
    if mlockall(MCL_CURRENT | MCL_FUTURE) != 0 {
      logger.warning(
        "memory lock: not permitted (\(String(cString: strerror(errno)))); raise the memlock limit to the model's size")
    }
  }
}
