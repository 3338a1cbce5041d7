package import RobotInterface

/// Checks instructions, and makes their `<image_history_k>` mean what the model takes it to mean.
package enum InstructionText {
  /// Longer ones cannot fit into the prompt anyway, so they are not even tokenised.
  package static let maximumBytes = 4_096
  private static let marker = "<image_history_"

  /// The instruction as it goes into the prompt.
  ///
  /// A robot counts its own prompt images from 1; the model counts all frames of its history, of which those of cameras come first.
  ///
  /// - Parameters:
  ///   - instruction: as the robot sent it.
  ///   - promptImages: how many prompt images came with it.
  ///   - earlierFrames: history frames that the model sees before them.
  /// - Throws: ``RobotError`` `.invalidInstruction` for an empty or too long one, for control characters, and for a prompt image that
  ///   was not sent.
  package static func prepare(
    _ instruction: String, promptImages: Int, after earlierFrames: Int
  ) throws(RobotError) -> String {
    guard instruction.utf8.count <= maximumBytes else {
      throw fault("expected at most \(maximumBytes) bytes, found \(instruction.utf8.count)")
    }
    guard instruction.contains(where: { !$0.isWhitespace }) else { throw fault("expected a sentence, found none") }
    guard !instruction.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
      throw fault("expected a sentence without control characters")
    }
    var text = ""
    var rest = instruction[...]
    while let start = rest.range(ofMarker: marker) {
      text += rest[..<start.lowerBound]
      rest = rest[start.upperBound...]
      guard let end = rest.firstIndex(of: ">"), let number = Int(rest[..<end]), (1...8).contains(number) else {
        throw fault("expected \(marker)1>, \(marker)2>, ..., found \"\(marker)\(rest.prefix(8))\"")
      }
      guard number <= promptImages else {
        throw fault("names prompt image \(number), but \(promptImages) came with it")
      }
      text += "\(marker)\(number + earlierFrames)>"
      rest = rest[rest.index(after: end)...]
    }
    return text + rest
  }

  private static func fault(_ message: String) -> RobotError {
    RobotError(.invalidInstruction, "observation.instruction", message)
  }
}

extension Substring {
  /// The first occurrence of an ASCII text.
  fileprivate func range(ofMarker marker: String) -> Range<Index>? {
    var start = startIndex
    while let candidate = self[start...].firstIndex(of: "<") {
      if self[candidate...].hasPrefix(marker) { return candidate..<index(candidate, offsetBy: marker.count) }
      start = index(after: candidate)
    }
    return nil
  }
}
