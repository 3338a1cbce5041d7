import RobotPolicy

/// A vocabulary of words: ids 0, 1, 2 are special, 3... are words and single characters, then come 1000 locations.
///
/// Like the real one it knows a location only with a space (or the beginning of the text) before it.
struct FakeTokenizer: TextTokenizing {
  private static let locationBase: Int32 = 1_000
  private let words: [String]

  /// - Parameter words: pieces beside the single characters; matched greedily, the longest first.
  init(words: [String] = ["pick", "push", "place", "from", "and", "to"]) {
    self.words = words + (32..<127).map { String(UnicodeScalar(UInt8($0))) }
  }

  var locationTokens: Range<Int32> { Self.locationBase..<Self.locationBase + 1_000 }
  func locationToken(bin: Int) -> Int32 { Self.locationBase + 999 - Int32(bin) }
  func locationBin(of token: Int32) -> Int? {
    locationTokens.contains(token) ? Int(Self.locationBase + 999 - token) : nil
  }

  func encode(_ text: String) -> [Int32] {
    var tokens: [Int32] = []
    var rest = (" " + text)[...]
    while !rest.isEmpty {
      if let end = rest.firstIndex(of: ">"), rest.hasPrefix(" "),
        let bin = LocationCodec.bin(of: rest[...end].dropFirst())
      {
        tokens.append(locationToken(bin: bin))
        rest = rest[rest.index(after: end)...]
        continue
      }
      let fitting = words.indices.filter { rest.hasPrefix(words[$0]) }
      guard let longest = fitting.max(by: { words[$0].count < words[$1].count }) else {
        tokens.append(2)
        rest = rest.dropFirst()
        continue
      }
      tokens.append(3 + Int32(longest))
      rest = rest.dropFirst(words[longest].count)
    }
    return tokens
  }

  func decode(_ tokens: [Int32]) -> String {
    let text = tokens.map { token in
      if let bin = locationBin(of: token) { return " " + LocationCodec.text(of: bin) }
      return words.indices.contains(Int(token) - 3) ? words[Int(token) - 3] : ""
    }.joined()
    return text.hasPrefix(" ") ? String(text.dropFirst()) : text
  }
}
