extension Video {
  /// Brightest value that still counts as black, of 0...255.
  private static let darkest: UInt8 = 15
  /// Most of a side that is taken away at one end.
  private static let largestCut = 0.3

  /// The film without rows and columns at its edges that are black in every frame; at most 30 % is cut off at each edge.
  public func withoutBlackBars() -> Video {
    guard let first = frames.first else { return self }
    var litRows = [Bool](repeating: false, count: first.height)
    var litColumns = [Bool](repeating: false, count: first.width)
    for frame in frames {
      frame.pixels.withUnsafeBufferPointer { pixels in
        var place = 0
        for y in 0..<first.height {
          for x in 0..<first.width {
            if max(pixels[place], pixels[place + 1], pixels[place + 2]) > Self.darkest {
              litRows[y] = true
              litColumns[x] = true
            }
            place += 3
          }
        }
      }
    }
    let rows = Self.kept(litRows), columns = Self.kept(litColumns)
    guard rows.count < first.height || columns.count < first.width else { return self }
    return Video(checkedFrames: frames.map { $0.cut(rows: rows, columns: columns) }, duration: duration, sound: sound)
  }

  /// From the first that is lit to the last; a film that is all black keeps its middle.
  private static func kept(_ lit: [Bool]) -> Range<Int> {
    let count = lit.count
    let first = lit.firstIndex(of: true) ?? count / 2, last = lit.lastIndex(of: true) ?? count / 2
    return min(first, Int(Double(count) * largestCut))..<max(last + 1, Int(Double(count) * (1 - largestCut)))
  }
}

extension Image {
  /// A part of the picture; both ranges lie in it and are not empty.
  func cut(rows: Range<Int>, columns: Range<Int>) -> Image {
    var part: [UInt8] = []
    part.reserveCapacity(rows.count * columns.count * 3)
    for y in rows {
      let start = y * width * 3
      part += pixels[(start + columns.lowerBound * 3)..<(start + columns.upperBound * 3)]
    }
    return Image(checkedWidth: columns.count, height: rows.count, pixels: part)
  }
}
