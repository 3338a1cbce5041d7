import Testing
import UnifiedIO

/// How tasks are put into words.
@Suite struct TaskPromptsTests {
  private static let all: [TaskPrompts] = [
    .vqa, .caption, .refexp, .localization, .localizationWithoutCategory, .detection, .detectionOfCOCO, .keypoints,
    .boxClassification, .categorization,
  ]

  @Test func theReleasedWordingComesFirst() throws {
    #expect(try TaskPrompts.vqa.text(0, about: "Who?") == "Who? A short answer to the question is")
    #expect(try TaskPrompts.refexp.text(0, about: "a {box}") == "Which region does the text \"a {box}\" describe?")
    #expect(try TaskPrompts.caption.text(0) == "Caption this image.")
  }

  @Test func everyWordingHasThePlacesOfTheReleasedOne() {
    for prompts in Self.all {
      #expect(!prompts.own.isEmpty)
      for wording in prompts.all {
        for place in ["{}", "{box}"] { #expect(wording.contains(place) == prompts.released.contains(place)) }
        #expect(wording.contains("{}") == (wording.split(separator: "{}", omittingEmptySubsequences: false).count == 2))
      }
    }
  }

  /// A marker without a space before it would be read as letters.
  @Test func everyMarkerIsATokenOfItsOwn() throws {
    let tokenizer = try TinyTasks.tokenizer()
    let marker = try #require(tokenizer.encode("<image_input>").first)
    for prompts in Self.all {
      for number in prompts.all.indices {
        let text = try prompts.text(number, about: "thing")
        let boxed = text.replacing("{box}", with: LocationText.text(values: [0.1, 0.2, 0.3, 0.4]))
        let tokens = tokenizer.encode(boxed)
        #expect(tokens.contains(marker) == text.contains("<image_input>"), "\(text)")
        #expect(tokens.count(where: tokenizer.locationTokens.contains) == (text.contains("{box}") ? 4 : 0), "\(text)")
      }
    }
  }

  @Test func wordingsThatAreNotThereAreErrors() {
    #expect(throws: ModelError.self) { try TaskPrompts.caption.text(-1) }
    #expect(throws: ModelError.self) { try TaskPrompts.caption.text(TaskPrompts.caption.all.count) }
  }
}
