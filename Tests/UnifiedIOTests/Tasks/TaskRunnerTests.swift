import Testing
import UnifiedIO

/// The tasks' machinery on random weights: grammar obeyed, results in pixels of the picture, settings checked.
@Suite struct TaskRunnerTests {
  private let runner: TaskRunner
  private let image: Image

  init() throws {
    runner = try TinyTasks.runner()
    image = try TinyTasks.image()
  }

  /// From a location token to pixels, by hand: 640 x 480 lies scaled by 0.6 on 384 x 384, 48 rows from the top.
  private func pixel(_ token: Int32, isRow: Bool) throws -> Float {
    let bin = try #require(runner.tokenizer.locationBin(of: token))
    let value = (Float(bin) / 999 * 384 - (isRow ? 48 : 0)) / 0.6
    return min(max(value, 0), isRow ? 480 : 640)
  }

  @Test func aRegionIsFourLocationsInPixelsOfThePicture() throws {
    let found = try runner.region(of: "the red block", in: image)
    let tokens = found.answer.generation.tokens
    #expect(tokens.count == 5 && tokens.last == Tokenizer.eos)
    let box = try #require(found.objects.first?.box)
    let expected = try [
      pixel(tokens[1], isRow: false), pixel(tokens[0], isRow: true), pixel(tokens[3], isRow: false),
      pixel(tokens[2], isRow: true),
    ]
    for (ours, byHand) in zip([box.minX, box.minY, box.maxX, box.maxY], expected) { #expect(abs(ours - byHand) < 0.01) }
    let score = try #require(found.objects.first?.score)
    #expect(score > 0 && score < 1)
  }

  @Test func aFreeAnswerThatIsNoBoxIsAnError() {
    #expect {
      try runner.region(of: "the red block", in: image, freeForm: true)
    } throws: {
      ($0 as? ModelError)?.code == .unexpectedAnswer
    }
  }

  @Test func localizationMakesABoxOfEveryFourLocations() throws {
    let settings = TaskSettings(maximumTokens: 48)
    let all = try runner.regions(of: "block", in: image, overlap: nil, settings: settings)
    let runs = runner.tokenizer.locationRuns(in: all.answer.generation.tokens)
    #expect(all.objects.count == runs.reduce(0) { $0 + $1.values.count / 4 })
    #expect(!all.objects.isEmpty)
    #expect(all.objects.allSatisfy { $0.label == "block" })
    let kept = try runner.regions(of: "block", in: image, overlap: 0.1, settings: settings)
    #expect(kept.answer == all.answer)
    #expect(kept.objects == NonMaximumSuppression.kept(all.objects.map(\.box), threshold: 0.1).map { all.objects[$0] })
  }

  @Test func detectionReadsLabelledBoxesOnly() throws {
    let found = try runner.objects(in: image, settings: TaskSettings(maximumTokens: 24))
    let labels = runner.tokenizer.labelledLocations(in: found.answer.generation.tokens, count: 4)
    #expect(found.objects.count <= labels.count)
  }

  @Test func aPoseNamesEveryJointOnceInItsPlace() throws {
    let answer = try runner.pose(in: PixelBox(minX: 10, minY: 20, maxX: 300, maxY: 400), of: image)
    let tokens = answer.answer.generation.tokens
    var place = 0
    for name in Pose.partNames {
      #expect(tokens[place..<place + 2].allSatisfy(runner.tokenizer.locationTokens.contains))
      let words = runner.tokenizer.encode(name)
      #expect(Array(tokens[place + 2..<place + 2 + words.count]) == words)
      place += 2 + words.count
    }
    #expect(tokens[place...] == [Tokenizer.eos])
    let pose = try #require(answer.pose)
    #expect(pose.keypoints.map(\.name) == Pose.partNames)
    #expect(pose.isWellFormed && pose.keypoints.allSatisfy { $0.isVisible && $0.score > 0 })
    #expect(try abs(pose.keypoints[0].point.x - pixel(tokens[1], isRow: false)) < 0.01)
    #expect(try abs(pose.keypoints[0].point.y - pixel(tokens[0], isRow: true)) < 0.01)
  }

  @Test func posesBeginWithPersons() throws {
    let small = try Image.decode(Fixtures.bytes("tiny-a/media/img_256x128.png"))
    let poses = try runner.poses(in: small)
    let persons = try runner.regions(of: "person", in: small, threshold: 0.5)
    #expect(poses.count <= persons.objects.count)
    for pose in poses { #expect(pose.pose?.keypoints.count == 17) }
  }

  @Test func wordsAreTheDecodedTokens() throws {
    let answer = try runner.answer(question: "What is it?", about: image)
    #expect(answer.generation.tokens.count <= 32)
    #expect(answer.text == runner.tokenizer.decode(answer.generation.tokens))
    #expect(try runner.caption(image).generation.tokens.count <= 64)
    let settings = TaskSettings(maximumTokens: 3, beams: 2)
    #expect(try runner.caption(image, settings: settings).generation.tokens.count == 3)
  }

  @Test func anActionIsReadAsGroupsOfNumbers() throws {
    let input = TaskInput(prompt: "Pick the block.", image: image)
    let action = try runner.act(on: input, state: [0, 0.5], settings: TaskSettings(maximumTokens: 24))
    let runs = runner.tokenizer.locationRuns(in: action.answer.generation.tokens)
    #expect(action.groups.map(\.values) == runs.map(\.values))
    #expect(throws: ModelError.self) { try runner.act(on: input, state: [1.5]) }
    #expect(throws: ModelError.self) { try runner.act(on: input, state: [.nan]) }
  }

  @Test func whatCannotBeReadIsAnError() throws {
    let history = [Image](repeating: image, count: 20)
    #expect(throws: ModelError.self) { try runner.follow(TaskInput(prompt: "x", image: image, history: history)) }
    let box = PixelBox(minX: 0, minY: 0, maxX: 5, maxY: 5)
    #expect(throws: ModelError.self) { try runner.follow(TaskInput(prompt: "{box}", box: box)) }
    #expect(throws: ModelError.self) { try runner.follow(TaskInput(prompt: "no place", image: image, box: box)) }
    let long = String(repeating: "word ", count: 3000)
    #expect(throws: ModelError.self) { try runner.follow(TaskInput(prompt: long)) }
    #expect(throws: ModelError.self) { try runner.score([], for: TaskInput(prompt: "x")) }
    #expect(throws: ModelError.self) { try runner.score(["a", ""], for: TaskInput(prompt: "x")) }
  }

  @Test(arguments: [
    TaskSettings(wording: 99), TaskSettings(wording: -1), TaskSettings(maximumTokens: 0),
    TaskSettings(temperature: -1), TaskSettings(temperature: .nan), TaskSettings(topK: 0), TaskSettings(topP: 0),
    TaskSettings(topP: 1.5), TaskSettings(beams: 0), TaskSettings(temperature: 1, beams: 2),
  ])
  func settingsOutOfRangeAreErrors(settings: TaskSettings) {
    #expect(throws: ModelError.self) { try runner.caption(image, settings: settings) }
  }

  @Test func beamsAndAGrammarDoNotGoTogether() {
    #expect(throws: ModelError.self) { try runner.region(of: "x", in: image, settings: TaskSettings(beams: 2)) }
    #expect(throws: ModelError.self) { try runner.regions(of: "x", in: image, threshold: 2) }
  }
}
