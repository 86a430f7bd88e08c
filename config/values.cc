#include "config/values.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "config/listen_address.h"
#include "config/units.h"

namespace jsd {
namespace {

// One function for each kind of setting. `node` is the setting's value, or a part of it.
//
// Owner: ReadValue. Thread: any one. Lifetime: the call.
class ValueReader {
 public:
  ValueReader(const std::filesystem::path& folder, Config& config, Problems& problems)
      : folder_(folder), config_(config), problems_(problems) {}

  void Assign(const Setting& setting, const toml::node& node, const SizeKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const DurationKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const CountKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const ChoiceKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const PathKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const AddressListKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const FlagListKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const StringMapKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const StringListKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const BoolKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const PathListKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const TextKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const TextListKind& kind);
  void Assign(const Setting& setting, const toml::node& node, const PathMapKind& kind);

 private:
  // None, reported, where the node is no path.
  std::optional<std::filesystem::path> PathOf(const Setting& setting, const toml::node& node);
  void Mismatch(const Setting& setting, const toml::node& node, std::string_view reason = {});

  std::filesystem::path Absolute(const std::filesystem::path& path) const {
    return (folder_ / path).lexically_normal();
  }

  const std::filesystem::path& folder_;
  Config& config_;
  Problems& problems_;
};

void ValueReader::Assign(const Setting& setting, const toml::node& node, const SizeKind& kind) {
  const auto* const text = node.as_string();
  if (text == nullptr) return Mismatch(setting, node);
  const Parsed<std::uint64_t> size = ParseSize(text->get());
  if (!size.value) return Mismatch(setting, node, size.error);
  if (*size.value < kind.minimum || *size.value > kind.maximum) return Mismatch(setting, node);
  kind.field(config_) = *size.value;
}

void ValueReader::Assign(const Setting& setting, const toml::node& node, const DurationKind& kind) {
  const auto* const text = node.as_string();
  if (text == nullptr) return Mismatch(setting, node);
  const Parsed<std::chrono::milliseconds> duration = ParseDuration(text->get());
  if (!duration.value) return Mismatch(setting, node, duration.error);
  if (*duration.value < kind.minimum || *duration.value > kind.maximum) return Mismatch(setting, node);
  kind.field(config_) = *duration.value;
}

void ValueReader::Assign(const Setting& setting, const toml::node& node, const CountKind& kind) {
  const auto* const text = node.as_string();
  if (kind.auto_is_zero && text != nullptr && text->get() == "auto") {
    kind.field(config_) = 0;
    return;
  }
  const auto* const number = node.as_integer();
  if (number == nullptr || number->get() < kind.minimum || number->get() > kind.maximum) {
    return Mismatch(setting, node);
  }
  kind.field(config_) = static_cast<unsigned>(number->get());
}

void ValueReader::Assign(const Setting& setting, const toml::node& node, const ChoiceKind& kind) {
  const auto* const text = node.as_string();
  if (text == nullptr) return Mismatch(setting, node);
  const auto found = std::ranges::find(kind.names, text->get());
  if (found == kind.names.end()) return Mismatch(setting, node);
  kind.set(config_, found - kind.names.begin());
}

void ValueReader::Assign(const Setting& setting, const toml::node& node, const PathKind& kind) {
  const auto* const text = node.as_string();
  if (kind.may_be_empty && text != nullptr && text->get().empty()) {
    kind.field(config_).clear();
    return;
  }
  if (auto path = PathOf(setting, node)) kind.field(config_) = std::move(*path);
}

void ValueReader::Assign(const Setting& setting, const toml::node& node, const PathListKind& kind) {
  auto& field = kind.field(config_);
  const toml::array* const list = node.as_array();
  if (list == nullptr) {
    if (auto path = PathOf(setting, node)) field.push_back(std::move(*path));
    return;
  }
  if (list->empty() && !kind.may_be_empty) return Mismatch(setting, node, "it is empty");
  for (const toml::node& element : *list) {
    if (auto path = PathOf(setting, element)) field.push_back(std::move(*path));
  }
}

std::optional<std::filesystem::path> ValueReader::PathOf(const Setting& setting, const toml::node& node) {
  const auto* const text = node.as_string();
  if (text == nullptr || text->get().empty()) {
    Mismatch(setting, node);
    return std::nullopt;
  }
  if (text->get().find('\0') != std::string::npos) {
    Mismatch(setting, node, "the path holds a NUL");
    return std::nullopt;
  }
  return Absolute(text->get());
}

void ValueReader::Assign(const Setting& setting, const toml::node& node, const StringListKind& kind) {
  const toml::array* const list = node.as_array();
  if (list == nullptr) return Mismatch(setting, node);
  for (const toml::node& element : *list) {
    if (const auto* const text = element.as_string(); text != nullptr && !text->get().empty()) {
      kind.field(config_).push_back(text->get());
    } else {
      Mismatch(setting, element);
    }
  }
}

void ValueReader::Assign(const Setting& setting, const toml::node& node, const BoolKind& kind) {
  const auto* const value = node.as_boolean();
  if (value == nullptr) return Mismatch(setting, node);
  kind.field(config_) = value->get();
}

void ValueReader::Assign(const Setting& setting, const toml::node& node, const TextKind& kind) {
  const auto* const text = node.as_string();
  if (text == nullptr) return Mismatch(setting, node);
  Parsed<std::string> parsed = kind.parse(text->get());
  if (!parsed.value) return Mismatch(setting, node, parsed.error);
  kind.field(config_) = std::move(*parsed.value);
}

void ValueReader::Assign(const Setting& setting, const toml::node& node, const TextListKind& kind) {
  const auto add = [&](const toml::node& element) {
    const auto* const text = element.as_string();
    if (text == nullptr) return Mismatch(setting, element);
    Parsed<std::string> parsed = kind.parse(text->get());
    if (!parsed.value) return Mismatch(setting, element, parsed.error);
    kind.field(config_).push_back(std::move(*parsed.value));
  };
  const toml::array* const list = node.as_array();
  if (list == nullptr) return add(node);
  for (const toml::node& element : *list) add(element);
}

void ValueReader::Assign(const Setting& setting, const toml::node& node, const AddressListKind& kind) {
  std::vector<ListenAddress> addresses;
  const auto add = [&](const toml::node& element) {
    const auto* const text = element.as_string();
    if (text == nullptr) return Mismatch(setting, element);
    Parsed<ListenAddress> address = ParseListenAddress(text->get());
    if (address.value && address.value->kind == ListenAddress::Kind::kUnix) {
      address.value->path = Absolute(address.value->path);
      // The kernel's limit is one of the absolute path.
      address = ParseListenAddress(ToString(*address.value));
    }
    if (!address.value) return Mismatch(setting, element, address.error);
    const bool tcp =
        address.value->kind == ListenAddress::Kind::kIpv4 || address.value->kind == ListenAddress::Kind::kIpv6;
    const bool kernel_chooses = tcp && address.value->port == 0;
    if (!kernel_chooses && std::ranges::find(addresses, *address.value) != addresses.end()) {
      Mismatch(setting, element, "it is listed twice");
    }
    addresses.push_back(std::move(*address.value));
  };
  if (const toml::array* const list = node.as_array(); list == nullptr) {
    add(node);
  } else if (list->empty() && !kind.may_be_empty) {
    Mismatch(setting, node, "it is empty");
  } else {
    for (const toml::node& element : *list) add(element);
  }
  auto& field = kind.field(config_);
  for (const ListenAddress& address : addresses) field.push_back(ToString(address));
}

void ValueReader::Assign(const Setting& setting, const toml::node& node, const FlagListKind& kind) {
  const toml::array* const list = node.as_array();
  if (list == nullptr) return Mismatch(setting, node);
  for (const toml::node& element : *list) {
    const auto* const flag = element.as_string();
    // V8 takes text without "--" for the arguments of a program and ignores it.
    if (flag == nullptr || !flag->get().starts_with("--") || flag->get().size() == 2) {
      Mismatch(setting, element);
    } else {
      kind.field(config_).push_back(flag->get());
    }
  }
}

void ValueReader::Assign(const Setting& setting, const toml::node& node, const StringMapKind& kind) {
  const toml::table* const map = node.as_table();
  if (map == nullptr) return problems_.Report(node.source(), setting.key(), "expected " + Describe(setting.kind));
  for (const auto& [name, value] : *map) {
    if (const auto* const text = value.as_string(); text != nullptr) {
      kind.field(config_).emplace_back(name.str(), text->get());
    } else {
      // The value may be a secret.
      problems_.Report(value.source(), setting.key() + "." + std::string(name.str()), "expected a string, in quotes");
    }
  }
}

void ValueReader::Assign(const Setting& setting, const toml::node& node, const PathMapKind& kind) {
  const toml::table* const map = node.as_table();
  if (map == nullptr) return Mismatch(setting, node);
  for (const auto& [name, value] : *map) {
    const std::string key = setting.key() + "." + std::string(name.str());
    Parsed<std::string> parsed = kind.parse_name(name.str());
    const auto* const text = value.as_string();
    if (!parsed.value) {
      problems_.Report(name.source(), key, parsed.error);
    } else if (text == nullptr || text->get().empty() || text->get().find('\0') != std::string::npos) {
      problems_.Report(value.source(), key, "expected a path, got " + Show(value));
    } else {
      kind.field(config_).emplace_back(std::move(*parsed.value), Absolute(text->get()));
    }
  }
}

void ValueReader::Mismatch(const Setting& setting, const toml::node& node, std::string_view reason) {
  std::string message = "expected " + Describe(setting.kind) + ", got " + Show(node);
  if (!reason.empty()) message += ": " + std::string(reason);
  problems_.Report(node.source(), setting.key(), message);
}

}  // namespace

void ReadValue(const Setting& setting, const toml::node& node, const std::filesystem::path& folder, Config& config,
               Problems& problems) {
  ValueReader reader(folder, config, problems);
  std::visit([&](const auto& kind) { reader.Assign(setting, node, kind); }, setting.kind);
}

}  // namespace jsd
