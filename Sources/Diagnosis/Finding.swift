/// What was looked at, how it stands, and what to do about it: a line of `uio2 doctor`.
public struct Finding: Sendable, Hashable, Codable {
  /// How a thing stands.
  public enum Level: String, Sendable, Hashable, Codable, CaseIterable {
    /// As it should be.
    case ok
    /// A robot can be served, with less than could be had, or it is not known.
    case warn
    /// A robot cannot be served, or not as the policy means it.
    case fail
  }

  /// What was looked at, in a word or two.
  public var area: String
  /// How it stands.
  public var level: Level
  /// What was found.
  public var text: String
  /// What to do; `nil` where nothing is to be done.
  public var advice: String?

  /// Something that is as it should be.
  public static func ok(_ area: String, _ text: String) -> Finding { Finding(area: area, level: .ok, text: text) }

  /// Something that a robot can be served with.
  public static func warn(_ area: String, _ text: String, _ advice: String) -> Finding {
    Finding(area: area, level: .warn, text: text, advice: advice)
  }

  /// Something that has to be mended.
  public static func fail(_ area: String, _ text: String, _ advice: String) -> Finding {
    Finding(area: area, level: .fail, text: text, advice: advice)
  }
}

/// All that was found, in the order in which it was looked at.
public struct DiagnosisReport: Sendable, Hashable, Encodable {
  /// Line by line.
  public var findings: [Finding]

  /// Collects lines.
  public init(_ findings: [Finding] = []) { self.findings = findings }

  /// How many lines are of a level.
  public func count(_ level: Finding.Level) -> Int { findings.count { $0.level == level } }

  /// Whether nothing has to be mended.
  public var isSound: Bool { count(.fail) == 0 }

  /// For people: a line each, with what to do below it.
  public var text: String {
    let width = findings.map(\.area.count).max() ?? 0
    var lines: [String] = []
    for finding in findings {
      let level = Self.padded(finding.level.rawValue, 5), area = Self.padded(finding.area, width + 1)
      lines.append(level + area + finding.text)
      if let advice = finding.advice { lines.append(String(repeating: " ", count: width + 6) + "→ " + advice) }
    }
    lines.append("")
    lines.append("\(count(.ok)) ok, \(count(.warn)) to look at, \(count(.fail)) to mend")
    return lines.joined(separator: "\n")
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private enum CodingKeys: String, CodingKey { case findings, ok, warn, fail }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(findings, forKey: .findings)
    try container.encode(count(.ok), forKey: .ok)
    try container.encode(count(.warn), forKey: .warn)
    try container.encode(count(.fail), forKey: .fail)
  }
}
