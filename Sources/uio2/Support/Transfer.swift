import ArgumentParser
import Foundation
import ModelImport
import Processes
import Tensors

/// The writing of a checkpoint: shown, and ended by a signal.
enum Transfer {
  /// Runs `body` with a progress function that draws, and that stops the work on a signal. A second one ends the process at once; what is
  /// unfinished goes either way.
  static func run(verb: String, _ body: ((TransferProgress) -> Bool) throws -> Void) throws {
    let signals = SignalWatch { [count = Counter()] number in
      if count.next() > 1 { SignalWatch.endProcess(by: number) }
    }
    var display = TransferDisplay(verb)
    defer { display.end() }
    do {
      try body { progress in
        guard signals.received == nil else { return false }
        display.show(progress)
        return true
      }
    } catch let error as ImportError where error.code == .interrupted {
      throw CommandFailure(.signal(signals.received ?? SIGINT), error.description)
    }
  }

  /// Refuses a folder that weights cannot be written into, before anything is read.
  ///
  /// - Throws: `TensorError`, `FileError`.
  static func check(_ folder: URL) throws { try CheckpointWriter.check(folder) }

  /// Refuses sizes that are no file's.
  static func checkShardSize(_ gigabytes: Double) throws {
    guard gigabytes >= 0.001, gigabytes <= 1e6 else {
      throw ValidationError("--shard-size: must be between 0.001 and 1000000 gigabytes")
    }
  }
}
