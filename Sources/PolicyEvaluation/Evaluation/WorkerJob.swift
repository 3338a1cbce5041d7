import Foundation

/// An episode as a worker is told of it.
struct WorkerJob: Sendable, Hashable, Encodable {
  var id: Int
  var task: String
  var seed: Int
  var stepLimit: Int?
  var stopsAtSuccess: Bool
  var video: String?
  /// What sets the episode apart from a plain one.
  var options: Suite.Options?

  /// The line that is written to the worker.
  func line() throws(RolloutError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do { return [UInt8](try encoder.encode(self)) + [UInt8(ascii: "\n")] } catch {
      throw RolloutError(.cannotStart, task, "the job cannot be written: \(error)")
    }
  }
}
