/// Finding the joints of people.
extension TaskRunner {
  /// Finds the joints of the person in a box.
  ///
  /// The model is held to two locations and a name for each of the 17 joints, then EOS: it guesses where it sees nothing, as the
  /// release does when it evaluates. That is about 80 tokens with LLaMA's vocabulary; the limit of 128 grows where the names have
  /// more pieces.
  ///
  /// - Parameters:
  ///   - box: of the person, in pixels of `image`.
  ///   - freeForm: lets the model name only what it sees.
  /// - Throws: ``ModelError`` when the picture cannot be read or the box shows nothing of it.
  public func pose(
    in box: PixelBox, of image: Image, freeForm: Bool = false, settings: TaskSettings = TaskSettings()
  ) throws(ModelError) -> PoseAnswer {
    let prompt = try TaskPrompts.keypoints.text(settings.wording)
    let placement = try placement(of: image)
    let grammar = LocationTemplate.points(Pose.partNames, tokenizer)
    let answer = try answer(
      TaskInput(prompt: prompt, image: image, box: box), as: .keypoints, settings,
      constraint: freeForm ? nil : grammar,
      maximumTokens: freeForm ? nil : max(grammar.slots.count, TaskKind.keypoints.maximumTokens))
    var points: [(name: String, point: PixelPoint, score: Double)] = []
    for (run, label) in tokenizer.labelledLocations(in: answer.generation.tokens, count: 2) {
      points.append((label, try placement.point(ofLocations: run.values), answer.generation.score(of: run.places)))
    }
    return PoseAnswer(pose: Pose(named: points, box: box), answer: answer)
  }

  /// Finds all persons, then the joints of each: one answer for the boxes and one for every person.
  ///
  /// - Parameters:
  ///   - threshold: of the search for persons; see ``regions(of:in:threshold:overlap:withoutCategory:settings:)``.
  ///   - freeForm: as in ``pose(in:of:freeForm:settings:)``.
  /// - Throws: ``ModelError`` when the picture cannot be read.
  public func poses(
    in image: Image, threshold: Double = 0.5, freeForm: Bool = false, settings: TaskSettings = TaskSettings()
  ) throws(ModelError) -> [PoseAnswer] {
    // A limit or beams of the caller are meant for the joints.
    var search = settings
    (search.wording, search.maximumTokens, search.beams) = (0, nil, 1)
    let persons = try regions(of: "person", in: image, threshold: threshold, settings: search)
    var poses: [PoseAnswer] = []
    for person in persons.objects {
      let box = person.box.ordered
      // A box without area cannot be asked about.
      guard let placement = try? placement(of: image), (try? placement.locations(of: box)) != nil else { continue }
      poses.append(try pose(in: box, of: image, freeForm: freeForm, settings: settings))
    }
    return poses
  }
}
