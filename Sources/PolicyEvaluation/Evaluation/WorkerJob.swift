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
    do { return [UInt8](try Self.json(self)) + [UInt8(ascii: "\n")] } catch {
      throw RolloutError(.cannotStart, task, "the job cannot be written: \(error)")
    }
  }

  fileprivate static func json(_ value: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(value)
  }
}

extension Suite {
  /// A task as a job names it, with its view and instruction, as words of a command line; each once, in the suite's order. A perturbation is
  /// named with one task: some simulators can say for all of them whether they can make it, and the others only when a scene is made.
  package var requirements: [String] {
    struct Requirement: Hashable, Encodable {
      var task: String
      var options: Options?
    }
    var seen: Set<Requirement> = []
    var perturbed: Set<String> = []
    return tasks.compactMap { task in
      var options = task.options
      if let perturbation = options.perturbation, perturbed.insert(perturbation).inserted {
        options.severity = 1
      } else {
        (options.perturbation, options.severity) = (nil, nil)
      }
      let requirement = Requirement(task: task.scene, options: options.isEmpty ? nil : options)
      guard seen.insert(requirement).inserted, let json = try? WorkerJob.json(requirement) else { return nil }
      return String(decoding: json, as: UTF8.self)
    }
  }
}
