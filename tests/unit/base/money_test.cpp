#include "rgrid/base/money.hpp"

#include <gtest/gtest.h>

namespace rgrid {
namespace {

TEST(MoneyText, IsExact) {
    EXPECT_EQ(to_text(Money{6'400'000}), "0.0064 EUR");
    EXPECT_EQ(to_text(Money{}), "0 EUR");
    EXPECT_EQ(to_text(Money{1, Currency::USD}), "0.000000001 USD");
    EXPECT_EQ(to_text(Money{-1'500'000'000}), "-1.5 EUR");
    EXPECT_EQ(to_text(Money{100'000'000'000}), "100 EUR");
}

TEST(MoneyText, ReadsBackWhatItWrites) {
    for (std::int64_t nanos : {0LL, 1LL, -1LL, 6'400'000LL, 999'999'999'999'999'999LL, -10'000'000'000LL})
        for (Currency currency : {Currency::EUR, Currency::USD})
            EXPECT_EQ(parse_money(to_text(Money{nanos, currency})), (Money{nanos, currency}));
    EXPECT_EQ(parse_money("0.0064"), Money{6'400'000});
}

TEST(MoneyText, RefusesWhatIsNone) {
    for (char const* text : {"", "EUR", " EUR", "1,5 EUR", "1. EUR", ".5 EUR", "1 CHF", "--1 EUR", "1e3 EUR", "1  EUR",
                             "0.0000000001 EUR", "1000000000 EUR", "1.-5 EUR", "1EUR"})
        EXPECT_EQ(parse_money(text), std::nullopt) << text;
}

TEST(PriceText, HasASignAndTwoToFourDecimals) {
    EXPECT_EQ(to_price_text(Money{9'000'000}), "€0.009");
    EXPECT_EQ(to_price_text(Money{12'500'000'000}), "€12.50");
    EXPECT_EQ(to_price_text(Money{6'400'000, Currency::USD}), "$0.0064");
    EXPECT_EQ(to_price_text(Money{6'400'000}, 2), "€0.01");
}

TEST(Money, ZeroMixesWithEveryCurrency) {
    Money const dollar{5, Currency::USD};
    EXPECT_EQ(Money{} + dollar, dollar);
    EXPECT_EQ(dollar + Money{}, dollar);
    EXPECT_EQ(dollar - dollar, (Money{0, Currency::USD}));
    EXPECT_EQ(dollar * 3, (Money{15, Currency::USD}));
    EXPECT_LT(Money{1}, Money{2});
}

TEST(MoneyDeathTest, CurrenciesDoNotMix) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH((void)(Money{1} + Money{1, Currency::USD}), "broken invariant");
}

TEST(Share, IsExactForLongSpansAndRoundsDown) {
    EXPECT_EQ(share(Money{10}, 1, 3), Money{3});
    EXPECT_EQ(share(Money{1'000'000'000'000'000}, 31'536'000'000, 31'536'000'000), Money{1'000'000'000'000'000});
    EXPECT_EQ(share(Money{10}, 1, 0), Money{0});
    EXPECT_EQ(share(Money{10, Currency::USD}, 1, 2).currency, Currency::USD);
}

}  // namespace
}  // namespace rgrid
