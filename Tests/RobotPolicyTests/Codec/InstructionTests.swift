import RobotInterface
import RobotPolicy
import TestSupport
import Testing
import UnifiedIO

@Suite("Instructions")
struct InstructionTests {
  static let sentences = [
    "Push the puck across the table to the green goal.", "Push the drawer until it is closed.",
    "Press the button down from the top.", "Which cup is empty?",
  ]

  func read(
    _ instruction: String, _ instructions: PolicySpecification.Instructions = .free, parts: [PromptPart] = [],
    after earlierFrames: Int = 0
  ) throws(RobotError) -> [PromptText.Part] {
    try InstructionReader(instructions).read(
      Observation(
        sequence: 1, capturedAt: 0, sentAt: 0, frames: [], proprioception: [], instruction: instruction,
        promptParts: parts), after: earlierFrames)
  }

  let image = PromptPart.image(CameraFrame(camera: "cup", encoding: .jpeg, width: 2, height: 2, data: [1]))

  @Test(arguments: [
    "Push  the\tcup.", " Push the cup.", "Push the cup.\n", "Push\u{a0}the\u{3000}cup.",
    "Pu\u{200b}sh the \u{feff}cup.",
    "Push the\u{2028}cup.", "Push\u{2581}the cup.", "Push the cup\u{2060}.\u{202e}", "Pu\u{ad}sh the cup.\u{fe0f}",
    "Push\u{200b} \u{200b}the cup.", "\u{2800}Push the cup.\u{115f}",
  ])
  func `white space is folded and what cannot be seen is left out`(text: String) throws {
    #expect(try read(text) == [.words("Push the cup.")])
    #expect(try read("", parts: [.text(text)]) == [.words("Push the cup.")])
  }

  @Test(arguments: [
    "", "   ", "\u{200b}", "\u{feff}\u{2581}", "\u{301}", "a\u{0}b", "a\u{1b}b", "a\u{7f}b", "\u{2800}",
  ])
  func `text that says nothing or has control characters is no instruction`(text: String) {
    for instructions in [PolicySpecification.Instructions.free, .known(Self.sentences)] {
      let error = #expect(throws: RobotError.self) { try read(text, instructions) }
      #expect(error?.code == .invalidInstruction)
      let other = #expect(throws: RobotError.self) { try read("", instructions, parts: [.text(text), .text("")]) }
      #expect(other?.code == .invalidInstruction)
    }
  }

  @Test func `any text is folded once and for all, or refused`() {
    var random = SeededGenerator(seed: 61)
    let likely: [ClosedRange<UInt32>] = [
      0...0x20, 0x20...0x7e, 0x80...0xad, 0x300...0x36f, 0x2000...0x206f, 0xfe00...0xfeff,
    ]
    var accepted = 0, refused = 0
    for _ in 0..<5_000 {
      var text = String.UnicodeScalarView()
      for _ in 0..<Int.random(in: 0...12, using: &random) {
        let range = Bool.random(using: &random) ? likely[1] : likely[Int.random(in: 0..<likely.count, using: &random)]
        if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &random)) { text.append(scalar) }
      }
      do throws(RobotError) {
        guard case .words(let words) = try read(String(text)).first else {
          Issue.record("not words")
          continue
        }
        accepted += 1
        #expect(try read(words) == [.words(words)])
        #expect(!words.hasPrefix(" ") && !words.hasSuffix(" ") && !words.contains("  "))
        #expect(
          !words.unicodeScalars.contains {
            $0 != " " && ($0.properties.isWhitespace || $0.properties.isDefaultIgnorableCodePoint)
          })
      } catch {
        #expect(error.code == .invalidInstruction)
        refused += 1
      }
    }
    #expect(accepted > 500 && refused > 500, "\(accepted) \(refused)")
  }

  @Test func `an instruction has a bound`() {
    let long = String(repeating: "a", count: 5_000)
    #expect(throws: RobotError.self) { try read(long) }
    #expect(throws: RobotError.self) {
      try read("", parts: [.text(String(long.prefix(2_500))), .text(String(long.prefix(2_500)))])
    }
    #expect(throws: Never.self) { try read(String(long.prefix(4_096))) }
  }

  @Test(arguments: [
    "Push the drawer until it is closed.", "Push the drawer until it is closed", "push the drawer until it is closed. ",
    "PUSH THE DRAWER UNTIL IT IS CLOSED!", "  Push the  drawer\nuntil it is closed . ",
    "Push the drawer until it is closed...",
    "Push the drawer until it is\u{200b} closed?", "Push the drawer until it is closed。",
  ])
  func `a known sentence is said in its trained form however it is written`(text: String) throws {
    #expect(try read(text, .known(Self.sentences)) == [.words(Self.sentences[1])])
    #expect(try read("", .known(Self.sentences), parts: [.text(text)]) == [.words(Self.sentences[1])])
  }

  @Test func `a question keeps its mark`() throws {
    #expect(try read("which cup is empty", .known(Self.sentences)) == [.words("Which cup is empty?")])
  }

  @Test(arguments: [
    ("Close the drawer.", Self.sentences[1]), ("Press the buton down from the top.", Self.sentences[2]),
    ("Push the puck over the table to the goal", Self.sentences[0]),
    ("Push the drawer until it is not closed.", Self.sentences[1]),
  ])
  func `an unknown sentence is answered with the nearest known ones`(text: String, nearest: String) {
    let error = #expect(throws: RobotError.self) { try read(text, .known(Self.sentences)) }
    #expect(error?.code == .unknownInstruction)
    #expect(error?.subject == "observation.instruction")
    #expect(error?.message.contains("\"\(text)\"") == true)
    #expect(KnownInstructions(Self.sentences).nearest(to: text).count == 3)
    #expect(error?.message.contains(nearest) == true, "\(error?.message ?? "")")
  }

  @Test func `an unknown sentence costs little, however many are known`() {
    for count in [1, 5, 18, 19, 100, PolicySpecification.Instructions.maximumCount] {
      let length = KnownInstructions.comparedLength(among: count)
      #expect(count * length * length <= KnownInstructions.comparisons)
      #expect(length >= 32, "enough to tell what was meant")
    }
    #expect(KnownInstructions.comparedLength(among: 5) == 128)
    let many = (0..<256).map { "Bring me cup number \($0) " + String(repeating: "please ", count: 30) }
    #expect(KnownInstructions(many).nearest(to: "bring me cup number 217")[0] == many[217])
  }

  @Test func `the nearest sentence comes first`() {
    let known = KnownInstructions(Self.sentences)
    #expect(known.nearest(to: "press the buttons down from top")[0] == Self.sentences[2])
    #expect(known.nearest(to: "Which cups are empty?")[0] == Self.sentences[3])
  }

  @Test func `a policy that knows sentences takes no image in one`() {
    let error = #expect(throws: RobotError.self) {
      try read("", .known(Self.sentences), parts: [.text("Push the drawer"), image, .text("until it is closed.")])
    }
    #expect(error?.code == .unknownInstruction)
  }

  @Test func `images of a prompt are counted behind the cameras' frames`() throws {
    let parts: [PromptPart] = [.text("Put"), image, .text("into"), image, .text(" ")]
    #expect(
      try read("", parts: parts, after: 1) == [
        .words("Put"), .markup(" "), .markup("<image_history_2>"), .markup(" "), .words("into"), .markup(" "),
        .markup("<image_history_3>"),
      ])
  }

  /// A policy that takes words or a sound, asked by a sound.
  func hear(
    _ instruction: String = "", _ instructions: PolicySpecification.Instructions = .free, parts: [PromptPart],
    after earlierFrames: Int = 0
  ) throws(RobotError) -> [PromptText.Part] {
    let audio = PolicySpecification.Audio(name: "instruction", maximumDuration: 4, replacesInstruction: true)
    return try InstructionReader(instructions, audio: audio).read(
      Observation(
        sequence: 1, capturedAt: 0, sentAt: 0, frames: [], proprioception: [], instruction: instruction,
        promptParts: parts, audio: AudioClip(encoding: .pcm16, data: [0, 1])), after: earlierFrames)
  }

  @Test func `a sound says the words, and images stand beside it`() throws {
    #expect(try hear(parts: []) == [])
    #expect(try hear(parts: [], after: 2) == [])
    #expect(
      try hear(parts: [image, image], after: 1) == [
        .markup("<image_history_2>"), .markup(" "), .markup("<image_history_3>"),
      ])
  }

  @Test func `words beside a sound are refused, and images where sentences are known`() {
    for parts in [[PromptPart.text("Put"), image], [image, .text(" ")]] {
      let error = #expect(throws: RobotError.self) { try hear(parts: parts) }
      #expect(error?.code == .invalidInstruction)
    }
    let said = #expect(throws: RobotError.self) { try hear("Put it there.", parts: [image]) }
    #expect(said?.code == .invalidInstruction)
    let known = #expect(throws: RobotError.self) { try hear("", .known(Self.sentences), parts: [image]) }
    #expect(known?.code == .invalidInstruction && known?.subject == "observation.prompt")
    #expect(throws: Never.self) { try hear("", .known(Self.sentences), parts: []) }
  }

  @Test(arguments: ["<image_history_1>", "see <image_input>", "go to <extra_id_1199>", "[Text] [S] go"])
  func `names of special tokens in a user's words stay words`(text: String) throws {
    #expect(try read(text) == [.words(text)])
    #expect(try read("", parts: [.text(text), image]).first == .words(text))
  }
}
