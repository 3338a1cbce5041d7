import Foundation

/// A list of names and what they stand for.
enum Facts {
  /// One line each, values in a column; a name that repeats is written once.
  static func text(_ facts: [(String, String)]) -> String {
    let width = facts.map(\.0.count).max() ?? 0
    var previous = ""
    return facts.map { name, value in
      let shown = name == previous ? "" : name
      previous = name
      return shown + String(repeating: " ", count: width - shown.count + 2) + value
    }.joined(separator: "\n")
  }
}

/// Numbers as people read them.
enum Amount {
  /// `24.1 MiB`.
  static func bytes(_ count: Int) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    var value = Double(count)
    var unit = 0
    while value >= 1024, unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    return unit == 0 ? "\(count) bytes" : String(format: "%.1f ", value) + units[unit]
  }

  /// `5.4 M`.
  static func count(_ count: Int) -> String {
    switch count {
    case 1_000_000...: String(format: "%.1f M", Double(count) / 1e6)
    case 10_000...: String(format: "%.1f k", Double(count) / 1e3)
    default: "\(count)"
    }
  }

  /// Without a fraction where there is none.
  static func plain(_ value: Double) -> String { String(format: "%g", value) }
}
