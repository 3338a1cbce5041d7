// What several messages are made of.
import CProtobufC
import CProtocol
import RobotInterface

extension StageTimings {
  init(
    _ entries: UnsafeMutablePointer<UnsafeMutablePointer<Uio2__V1__StageTiming>?>?, _ count: Int, _ subject: String
  ) throws(RobotError) {
    self.init()
    for entry in try list(entries, count, subject) {
      guard let stage = Stage(rawValue: UInt32(entry.pointee.stage.rawValue)) else {
        throw RobotError(.malformed, subject, "\(entry.pointee.stage.rawValue) is no Stage")
      }
      self[stage] = entry.pointee.duration
    }
  }
}

func copiedFrames(
  _ entries: UnsafeMutablePointer<UnsafeMutablePointer<Uio2__V1__CameraFrame>?>?, _ count: Int, _ subject: String,
  of whole: SurveyedMessage
) throws(RobotError) -> [CameraFrame] {
  var result: [CameraFrame] = []
  for (index, entry) in try list(entries, count, subject).enumerated() {
    result.append(try copiedFrame(entry.pointee, "\(subject)[\(index)]", of: whole))
  }
  return result
}

func copiedFrame(
  _ frame: Uio2__V1__CameraFrame, _ subject: String, of whole: SurveyedMessage
) throws(RobotError) -> CameraFrame {
  let encoding: CameraFrame.Encoding
  switch frame.encoding {
  case UIO2__V1__IMAGE_ENCODING__IMAGE_ENCODING_RGB8: encoding = .rgb8
  case UIO2__V1__IMAGE_ENCODING__IMAGE_ENCODING_JPEG: encoding = .jpeg
  case UIO2__V1__IMAGE_ENCODING__IMAGE_ENCODING_PNG: encoding = .png
  default:
    throw RobotError(
      .invalidImage, "\(subject).encoding", "\(frame.encoding.rawValue) is none of RGB8, JPEG and PNG")
  }
  return CameraFrame(
    camera: try copiedText(frame.camera, "\(subject).camera"), encoding: encoding, width: Int(frame.width),
    height: Int(frame.height), data: whole.content(copiedNumbers(frame.data.data, frame.data.len)),
    capturedAt: frame.captured_at == 0 ? nil : frame.captured_at)
}

/// A word of a closed list; `nil` for an empty text.
func copiedChoice<Choice: RawRepresentable<String> & CaseIterable>(
  _ pointer: UnsafeMutablePointer<CChar>?, _ subject: String
) throws(RobotError) -> Choice? {
  let text = try copiedText(pointer, subject)
  if text.isEmpty { return nil }
  guard let choice = Choice(rawValue: text) else {
    let choices = Choice.allCases.map(\.rawValue).joined(separator: ", ")
    throw RobotError(.malformed, subject, "expected one of \(choices), found \(text)")
  }
  return choice
}

func copiedAudio(
  _ clip: Uio2__V1__AudioClip, _ subject: String, of whole: SurveyedMessage
) throws(RobotError) -> AudioClip {
  guard let encoding = AudioClip.Encoding(rawValue: UInt32(clip.encoding.rawValue)) else {
    throw RobotError(.invalidAudio, "\(subject).encoding", "\(clip.encoding.rawValue) is none of PCM16 and FILE")
  }
  return AudioClip(encoding: encoding, data: whole.content(copiedNumbers(clip.data.data, clip.data.len)))
}

/// Copies of a repeated field of strings.
func copiedTexts(
  _ entries: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ count: Int, _ subject: String
) throws(RobotError) -> [String] {
  var texts: [String] = []
  for (index, entry) in try list(entries, count, subject).enumerated() {
    texts.append(try copiedText(entry, "\(subject)[\(index)]"))
  }
  return texts
}

/// The entries of a repeated message field; protobuf-c never leaves one out, but a missing one must not be followed.
func list<Message>(
  _ entries: UnsafeMutablePointer<UnsafeMutablePointer<Message>?>?, _ count: Int, _ subject: String
) throws(RobotError) -> [UnsafeMutablePointer<Message>] {
  guard count > 0 else { return [] }
  let present = UnsafeBufferPointer(start: entries, count: entries == nil ? 0 : count).compactMap { $0 }
  guard present.count == count else { throw RobotError(.malformed, subject, "an entry is missing") }
  return present
}

/// A copy of a repeated field of numbers or of a field of bytes.
func copiedNumbers<Number: BitwiseCopyable>(_ start: UnsafeMutablePointer<Number>?, _ count: Int) -> [Number] {
  start.map { Array(UnsafeBufferPointer(start: $0, count: count)) } ?? []
}

func present<Message>(_ pointer: UnsafeMutablePointer<Message>?, _ subject: String) throws(RobotError)
  -> UnsafeMutablePointer<Message>
{
  guard let pointer else { throw RobotError(.malformed, subject, "the message is missing") }
  return pointer
}

/// A copy of a string, if it is UTF-8. ``WireSchema`` has made sure that it does not end early.
func copiedText(_ pointer: UnsafeMutablePointer<CChar>?, _ subject: String, code: RobotError.Code = .malformed)
  throws(RobotError) -> String
{
  guard let pointer else { return "" }
  guard let text = String(validatingCString: pointer) else { throw RobotError(code, subject, "the text is not UTF-8") }
  return text
}
