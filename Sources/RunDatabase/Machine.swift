import Foundation

/// What a process runs on.
public struct Machine: Sendable, Hashable, Encodable {
  /// The processor's own name; empty where the system does not tell.
  public var processor: String
  /// Processors that the system counts.
  public var processors: Int
  /// Bytes of memory.
  public var memoryBytes: UInt64
  /// Name and version of the operating system.
  public var system: String

  enum CodingKeys: String, CodingKey {
    case processor, processors, system
    case memoryBytes = "memory_bytes"
  }

  /// The machine of this process.
  public static var current: Machine {
    let information = ProcessInfo.processInfo
    var names = utsname()
    uname(&names)
    return Machine(
      processor: processorName, processors: information.processorCount, memoryBytes: information.physicalMemory,
      system: "\(information.operatingSystemVersionString), \(text(names.sysname)) \(text(names.release))")
  }

  private static var processorName: String {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
    let line = lines.first { $0.hasPrefix("model name") }
    return line?.split(separator: ":", maxSplits: 1).last?.trimmingCharacters(in: .whitespaces) ?? ""
  }

  /// The text of a C array, which Swift has as a tuple.
  private static func text<Tuple>(_ characters: Tuple) -> String {
    withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
