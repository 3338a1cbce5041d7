import ArgumentParser
import UnifiedIO

/// `uio2 task`: the tasks of the release, with their prompts and typed results.
struct RunTask: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "task",
    abstract: "Run a task of the release: questions, captions, boxes, joints, categories, actions.",
    discussion: """
      Each task has its prompt (--wording 0 is the one that the release evaluates with), its limit of tokens and its result; \
      boxes and points are in pixels of the picture.

        uio2 task vqa --model large --image cat.jpg --text "What colour is it?"
        uio2 task localization --model large --image a.jpg --text cat --draw b.png
        uio2 task keypoints --model large --image crowd.jpg --json

      \(table)
      """)

  private static let table: String = {
    let built = TaskKind.allCases.filter(\.isBuilt)
    let width = built.map(\.rawValue.count).max() ?? 0
    let rows = built.map { kind in
      let limit = kind.maximumTokens > 0 ? " [\(kind.maximumTokens)]" : ""
      return "  " + kind.rawValue + String(repeating: " ", count: width + 2 - kind.rawValue.count) + kind.summary
        + limit
    }
    let waiting = Dictionary(grouping: TaskKind.allCases.filter { !$0.isBuilt }) { $0.missing ?? "" }
    let later = waiting.sorted { $0.key < $1.key }.flatMap { medium, kinds in
      ["  without \(medium):"] + kinds.map { "    \($0.rawValue)" }
    }
    return (["Tasks [tokens at most]:"] + rows + (later.isEmpty ? [] : ["Not built yet:"] + later))
      .joined(separator: "\n")
  }()

  @Argument(help: ArgumentHelp("One of the tasks above.", valueName: "name"))
  var name: TaskKind

  @OptionGroup var model: ModelOptions
  @OptionGroup var pictures: PictureOptions

  @Option(
    help:
      "The question (vqa), the expression (refexp), the category (localization), the instruction (instruction, action)."
  )
  var text: String?

  @Option(
    name: .customLong("option"),
    help: ArgumentHelp("A category to choose from (categorization, box-classification).", valueName: "text"))
  var options: [String] = []

  @Option(help: "The robot's state as numbers between 0 and 1 with commas between (action).")
  var state: String?

  @Option(help: "Which wording of the prompt: 0 the release's, from 1 our own.")
  var wording: Int?

  @Option(
    help: """
      Boxes go on while the probability of a location is above this (localization: 0.3, detection and keypoints: 0.5).
      """)
  var threshold: Double?

  @Option(help: "Boxes that overlap an earlier one by more than this are dropped (localization, detection: 0.8).")
  var overlap: Float?

  @Flag(help: "Let the model speak freely instead of holding it to a box or to all joints (refexp, keypoints).")
  var freeForm = false

  @Flag(help: "Do not ask for the category again (localization).")
  var boxesOnly = false

  @Flag(help: "Find the categories of COCO (detection).")
  var coco = false

  @Flag(help: "Compare by the sum over the tokens rather than the average (categorization, box-classification).")
  var sum = false

  @Flag(help: "Score one end token; the released runner scores two (categorization, box-classification).")
  var singleEnd = false

  @OptionGroup var sampling: SamplingOptions

  @Flag(help: "Print JSON.")
  var json = false

  @Option(help: ArgumentHelp("Draw boxes or joints onto the picture, as PNG.", valueName: "file"))
  var draw: String?

  func validate() throws {
    // The library says what is missing, in one line and with another code.
    if name.isBuilt { try checkOptions() }
  }

  func run() throws {
    try name.checkIsBuilt()
    let work = try makeWork()
    let (report, drawing) = try ModelRun.start(model) { runner, bar in
      try work(runner, sampling.settings(wording: wording ?? 0, bar: bar))
    }
    if let draw, let drawing { try MediaFile.write(drawing, to: draw) }
    Console.say(json ? try JSONFile.text(report) : report.text)
  }
}

extension TaskKind: ExpressibleByArgument {}
