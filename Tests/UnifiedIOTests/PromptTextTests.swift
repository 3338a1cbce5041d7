import Foundation
import TestSupport
import Testing
import UnifiedIO

@Suite("Prompts of words and markup")
struct PromptTextTests {
  /// A vocabulary of the release's kind, and the shipped policy's.
  static let tokenizers: [URL] = [
    Fixtures.url("tiny-a/tokenizer.model"),
    (0..<3).reduce(URL(filePath: #filePath)) { url, _ in url.deletingLastPathComponent() }
      .appending(path: "Policies/metaworld-mt5/tokenizer.model"),
  ]

  static let names = [
    "<extra_id_0>", "<extra_id_200>", "<extra_id_1199>", "<image_history_1>", "<audio_history_8>", "<image_input>",
    "<audio_input>", "[Text] [S]", "[Image] [R]",
  ]

  func appended(_ ids: [Int32], _ tokenizer: Tokenizer) -> [Int32] { ids.filter { $0 >= tokenizer.baseCount } }

  @Test(arguments: tokenizers, names)
  func `a name in a user's words is spelled out`(url: URL, name: String) throws {
    let tokenizer = try Tokenizer(modelFile: url)
    for text in [name, "go to \(name) now", "\(name)\(name)", " \(name)", "a \(name) \(name) b"] {
      let ids = tokenizer.encode(PromptText([.words(text)]))
      #expect(appended(ids, tokenizer).isEmpty)
      #expect(!ids.contains(Tokenizer.unknown))
      #expect(tokenizer.decode(ids) == text)
    }
  }

  @Test(arguments: tokenizers, names)
  func `a name in markup is its token, beside the same name in words`(url: URL, name: String) throws {
    let tokenizer = try Tokenizer(modelFile: url)
    let token = try #require(tokenizer.encode(name).first)
    let markup = "State: \(name) \(name) end"
    #expect(tokenizer.encode(PromptText([.markup(markup)])) == tokenizer.encode(markup))
    let ids = tokenizer.encode(PromptText([.markup("\(name) "), .words("to \(name)."), .markup(" State: \(name)")]))
    #expect(appended(ids, tokenizer) == [token, token])
    #expect(ids.first == token && ids.last == token)
    #expect(tokenizer.decode(ids) == "\(name) to \(name). State: \(name)")
  }

  @Test(arguments: tokenizers)
  func `a name that a user wrote any part of is the user's`(url: URL) throws {
    let tokenizer = try Tokenizer(modelFile: url)
    for parts: [PromptText.Part] in [
      [.words("<extra_id_2"), .markup("00>")], [.markup("a <extra_id_2"), .words("0"), .markup("0>")],
      [.markup("<"), .words("image_input>")],
    ] {
      #expect(appended(tokenizer.encode(PromptText(parts)), tokenizer).isEmpty)
    }
    // A space before a name is nobody's.
    let ids = tokenizer.encode(PromptText([.words("a "), .markup("<extra_id_200>")]))
    #expect(appended(ids, tokenizer) == [tokenizer.locationToken(bin: 0)])
  }

  /// Random words of letters, digits, punctuation, other scripts and things that look like names.
  private func sentence(_ random: inout SeededGenerator) -> String {
    let words = [
      "push", "the", "Green", "goal.", "7", "3.14", "é", "押す", "🙂", "<", ">", "[", "<extra_id_", "extra_id_5>", "</s>",
      "<s>", "[Text]", "a<extra_id_7>", "(", "…", "'s",
    ]
    let count = Int.random(in: 1...8, using: &random)
    return (0..<count).map { _ in words[Int.random(in: 0..<words.count, using: &random)] }.joined(separator: " ")
  }

  /// Spelling a name out changes nothing around it, so both ways of encoding agree.
  @Test(arguments: tokenizers)
  func `words have the ids that they have without a name`(url: URL) throws {
    let tokenizer = try Tokenizer(modelFile: url)
    var random = SeededGenerator(seed: 51)
    for _ in 0..<2_000 {
      let text = sentence(&random)
      let plain = tokenizer.encode(text)
      #expect(tokenizer.encode(PromptText([.words(text)])) == plain)
      let spelled = tokenizer.encode(PromptText([.words(text), .words(" <extra_id_500>")]))
      #expect(spelled.starts(with: plain), "\(text)")
      let state = " State: <extra_id_700> <extra_id_200>"
      let whole = tokenizer.encode(PromptText([.words("\(text) <image_input>"), .markup(state)]))
      let expected = tokenizer.encode(text + state)
      #expect(whole.count > expected.count)
      #expect(whole.starts(with: plain) && whole.reversed().starts(with: expected.reversed().prefix(2)))
      #expect(tokenizer.decode(whole) == "\(text) <image_input>\(state)")
    }
  }
}
