import Foundation

/// Columns of text, each as wide as its widest cell.
public struct TextTable: Sendable {
  /// On which side of its column a cell stands.
  public enum Alignment: Sendable, Hashable {
    /// Words.
    case left
    /// Numbers.
    case right
  }

  private var rows: [[String]?]
  private let alignment: [Alignment]

  /// Begins a table; a column without an alignment is left-aligned.
  public init(header: [String], alignment: [Alignment] = []) {
    rows = [header, nil]
    self.alignment = alignment
  }

  /// Adds a row.
  public mutating func append(_ cells: [String]) { rows.append(cells) }

  /// Adds a line across.
  public mutating func appendRule() { rows.append(nil) }

  /// The whole table, without a line end after the last row.
  public var text: String {
    let columns = rows.compactMap { $0?.count }.max() ?? 0
    let widths = (0..<columns).map { column in
      rows.compactMap { row in row.flatMap { column < $0.count ? $0[column].count : nil } }.max() ?? 0
    }
    let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
    return rows.map { row in
      guard let row else { return rule }
      let line = row.enumerated().map { column, cell in
        let isRight = column < alignment.count && alignment[column] == .right
        return isRight ? Self.pad(cell, to: -widths[column]) : Self.pad(cell, to: widths[column])
      }.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n")
  }

  /// Fills `text` up to `width` characters; a negative width puts the spaces in front.
  public static func pad(_ text: String, to width: Int) -> String {
    let spaces = String(repeating: " ", count: max(0, abs(width) - text.count))
    return width < 0 ? spaces + text : text + spaces
  }

  /// A share as whole per cent.
  public static func percent(_ share: Double) -> String { String(format: "%.0f %%", share * 100) }

  /// One decimal: enough for rates and milliseconds.
  public static func number(_ value: Double) -> String { String(format: "%.1f", value) }
}
