import ArgumentParser
import Files
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

  /// `MCL_ONFAULT`, which is Linux's alone.
  #if os(Linux)
    private static let onFault: Int32 = 4
  #else
    private static let onFault: Int32 = 0
  #endif

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
    // What is asked for and never used is not locked: a client that merely announces a large message would cost its size.
    if mlockall(Int32(MCL_CURRENT | MCL_FUTURE) | Self.onFault) != 0 {
      logger.warning(
        "memory lock: not permitted (\(SystemReason.text())); raise the memlock limit to the model's size")
    }
  }
}
