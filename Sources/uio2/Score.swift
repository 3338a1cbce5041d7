import ArgumentParser
import UnifiedIO

/// `uio2 score`: how probable a model finds given answers.
struct Score: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Hold given answers against each other by how probable the model finds them.",
    discussion: """
      Prints the loss of every option, −log p averaged over its tokens and summed, and then the best one: the option with the \
      lowest average, or with --sum the lowest sum.

        uio2 score --model large --image cat.jpg --prompt "What is this?" \\
          --option cat --option dog --option "a cat on a mat"
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var pictures: PictureOptions

  @Option(help: "What is said to the model.")
  var prompt: String

  @Option(name: .customLong("option"), help: ArgumentHelp("An answer; at least one.", valueName: "text"))
  var options: [String]

  @Flag(help: "Compare by the sum over the tokens rather than the average.")
  var sum = false

  @Flag(help: "Score two end tokens, as the released runner does.")
  var doubleEnd = false

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    try pictures.check(prompt)
    if let place = options.firstIndex(of: "") { throw ValidationError("--option number \(place + 1) is empty.") }
  }

  func run() throws {
    let input = try pictures.input(prompt, for: model)
    let scores = try ModelRun.start(model) { runner, bar in
      try runner.score(
        options, for: input, reduction: sum ? .sum : .average, ending: doubleEnd ? .released : .single,
        settings: TaskSettings(onProgress: bar.observer))
    }
    let report = TaskReport(task: "score", scores)
    try Console.say(json ? try JSONFile.text(report) : report.text)
  }
}
