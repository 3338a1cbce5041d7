import Foundation

/// Memory that the system still has.
public enum SystemMemory {
  /// Bytes that this process can take before the system runs short: `MemAvailable` of Linux, or what the control group of a container
  /// leaves, whichever is less; `nil` where the system does not say.
  public static var available: Int? {
    [machine, container].compactMap(\.self).min()
  }

  /// Bytes of the machine, or of the control group of a container, whichever is less; `nil` where the system does not say.
  public static var total: Int? {
    [meminfo("MemTotal:"), containerText("memory.max").flatMap { Int($0) }].compactMap(\.self).min()
  }

  /// Refuses what the system has no memory for; loading it would end this process or another one.
  ///
  /// - Parameters:
  ///   - bytes: that are about to be taken.
  ///   - subject: what they are for.
  /// - Throws: ``TensorError`` `.outOfMemory` with both figures.
  public static func require(_ bytes: Int, for subject: String) throws(TensorError) {
    guard let available, bytes > available else { return }
    throw TensorError(
      .outOfMemory, subject,
      "needs \(gigabytes(bytes, .up)) of memory, \(gigabytes(available, .down)) are available; free some, or quantize the model"
    )
  }

  private static var machine: Int? { meminfo("MemAvailable:") }

  private static func meminfo(_ name: String) -> Int? {
    guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8) else { return nil }
    let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
    return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 << 10 }
  }

  /// Of version 2; a group without a limit says "max".
  private static var container: Int? {
    guard let limit = containerText("memory.max").flatMap({ Int($0) }),
      let used = containerText("memory.current").flatMap({ Int($0) })
    else { return nil }
    // Cached files count as used, and go when memory is wanted.
    let cached = containerText("memory.stat")?.split(separator: "\n").first { $0.hasPrefix("inactive_file ") }
    return max(0, limit - used + (cached?.split(separator: " ").last.flatMap { Int($0) } ?? 0))
  }

  private static func containerText(_ name: String) -> String? {
    (try? String(contentsOfFile: "/sys/fs/cgroup/" + name, encoding: .utf8))?
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private static func gigabytes(_ bytes: Int, _ rule: FloatingPointRoundingRule) -> String {
    let tenths = Int((Double(bytes) / 1e8).rounded(rule))
    return "\(tenths / 10).\(tenths % 10) GB"
  }
}
