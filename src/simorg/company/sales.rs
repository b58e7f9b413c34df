//! Products, prices, opportunities.

use super::{
    Cell, Company, Kind, Writer,
    cell::{cents, int},
    words,
};

pub(super) const PRODUCT: (&str, Writer) = ("Name ProductCode Family IsActive Description", |it| {
    let name = it.company.product_name(it.row);
    let (row, throw) = (it.row, &mut it.throw);
    vec![
        name.into(),
        sku(row).into(),
        throw.one_of(&[Some("Summer"), Some("Winter"), None]).into(),
        throw.chance(90).into(),
        throw.chance(50).then(|| words::text(throw)).into(),
    ]
});

pub(super) const PRICEBOOK: (&str, Writer) = ("Name IsActive IsStandard Description", |it| {
    let name = [
        "Standard Price Book",
        "Dealers",
        "Schools & Clubs",
        "\"Members\"",
    ];
    let at = usize::try_from(it.row).unwrap_or(0).min(name.len() - 1);
    vec![
        name[at].into(),
        true.into(),
        (it.row == 0).into(),
        Cell::Null,
    ]
});

fn sku(product: u64) -> String {
    format!("SKU-{product:05}")
}

impl Company {
    fn product_name(&self, product: u64) -> String {
        let mut throw = self.dice.of("product", product);
        format!("{} model {product}", words::thing(&mut throw))
    }

    fn deal_name(&self, deal: u64) -> String {
        let mut throw = self.dice.of("goods", deal);
        format!(
            "{} for season {}",
            words::thing(&mut throw),
            2_020 + deal % 7
        )
    }

    /// The standard price of a product.
    fn price(&self, product: u64) -> u64 {
        let mut throw = self.dice.of("price", product);
        500 + throw.skewed(200_000)
    }

    /// Price book of an opportunity.
    fn book_of(&self, deal: u64) -> u64 {
        let mut throw = self.dice.of("book", deal);
        throw.below(self.rows(Kind::Pricebook))
    }

    /// Product, quantity and price of a line.
    fn line(&self, line: u64) -> (u64, u64, u64) {
        let mut throw = self.dice.of("line", line);
        let product = self.known(Kind::Product, &mut throw);
        let quantity = 1 + throw.skewed(40);
        let percent = 100 - throw.skewed(40);
        (product, quantity, self.price(product) * percent / 100)
    }

    pub(super) fn deal_of(&self, line: u64) -> u64 {
        line * self.rows(Kind::Opportunity) / self.rows(Kind::Line)
    }

    /// What the lines of an opportunity come to, in hundredths.
    fn amount(&self, deal: u64) -> u64 {
        let (deals, lines) = (self.rows(Kind::Opportunity), self.rows(Kind::Line));
        let first = |deal: u64| (deal * lines).div_ceil(deals);
        (first(deal)..first(deal + 1))
            .map(|it| {
                let (_, quantity, price) = self.line(it);
                quantity * price
            })
            .sum()
    }

    pub(super) fn account_of_deal(&self, deal: u64) -> u64 {
        let mut throw = self.dice.of("deal", deal);
        self.known(Kind::Account, &mut throw)
    }
}

pub(super) const ENTRY: (&str, Writer) = (
    "Name ProductCode Pricebook2Id Product2Id UnitPrice IsActive UseStandardPrice",
    |it| {
        let products = it.company.rows(Kind::Product);
        let (book, product) = (it.row / products, it.row % products);
        it.after(Kind::Product, product);
        let percent = 100 - 5 * book;
        vec![
            it.company.product_name(product).into(),
            sku(product).into(),
            it.id(Kind::Pricebook, book).into(),
            it.id(Kind::Product, product).into(),
            cents(it.company.price(product) * percent / 100),
            true.into(),
            false.into(),
        ]
    },
);

/// Stages with their probability, whether they end it, and whether well.
const STAGES: [(&str, u64, bool, bool); 6] = [
    ("Closed Won", 100, true, true),
    ("Prospecting", 10, false, false),
    ("Closed Lost", 0, true, false),
    ("Qualification", 10, false, false),
    ("Proposal/Price Quote", 75, false, false),
    ("Negotiation/Review", 90, false, false),
];

pub(super) const OPPORTUNITY: (&str, Writer) = (
    "Name AccountId StageName Probability ForecastCategory ForecastCategoryName IsClosed IsWon Amount ExpectedRevenue \
     HasOpportunityLineItem CloseDate FiscalYear FiscalQuarter Fiscal Type LeadSource NextStep Description \
     Pricebook2Id CampaignId OwnerId",
    |it| {
        let company = it.company;
        let account = company.account_of_deal(it.row);
        it.after(Kind::Account, account);
        let (stage, probability, is_closed, is_won) = it.throw.mostly(&STAGES);
        let close = it
            .created
            .after(super::DAY * (20 + u32::try_from(it.throw.below(120)).unwrap_or(0)));
        let campaign = it
            .throw
            .chance(20)
            .then(|| company.known(Kind::Campaign, &mut it.throw));
        let (row, throw) = (it.row, &mut it.throw);
        let amount = company.amount(row);
        let forecast = match stage {
            "Closed Won" => "Closed",
            "Closed Lost" => "Omitted",
            _ => "Pipeline",
        };
        let day = close.day();
        let number = |from: usize, to: usize| -> u64 {
            day.get(from..to)
                .and_then(|it| it.parse().ok())
                .unwrap_or(1)
        };
        let (year, quarter) = (number(0, 4), number(5, 7).div_ceil(3));
        let mut cells = vec![
            company.deal_name(row).into(),
            company.id(Kind::Account, account).into(),
            stage.into(),
            int(probability),
            forecast.into(),
            forecast.into(),
            is_closed.into(),
            is_won.into(),
            cents(amount),
            cents(amount * probability / 100),
            true.into(),
            Cell::Day(close),
            int(year),
            int(quarter),
            format!("{year} {quarter}").into(),
            throw
                .one_of(&[
                    Some("New Customer"),
                    Some("Existing Customer - Upgrade"),
                    None,
                ])
                .into(),
            throw
                .one_of(&[Some("Web"), Some("Partner Referral"), None])
                .into(),
            throw.chance(30).then(|| words::subject(throw)).into(),
            throw.chance(40).then(|| words::text(throw)).into(),
            company.id(Kind::Pricebook, company.book_of(row)).into(),
        ];
        cells.push(campaign.map(|row| company.id(Kind::Campaign, row)).into());
        cells.push(it.owner().into());
        cells
    },
);

pub(super) const LINE: (&str, Writer) = (
    "Name ProductCode OpportunityId PricebookEntryId Product2Id Quantity ListPrice UnitPrice TotalPrice ServiceDate Description",
    |it| {
        let company = it.company;
        let deal = company.deal_of(it.row);
        it.after(Kind::Opportunity, deal);
        let (product, quantity, price) = company.line(it.row);
        let entry = company.book_of(deal) * company.rows(Kind::Product) + product;
        let is_dated = it.throw.chance(20);
        vec![
            format!(
                "{} {}",
                company.deal_name(deal),
                company.product_name(product)
            )
            .into(),
            sku(product).into(),
            it.id(Kind::Opportunity, deal).into(),
            it.id(Kind::Entry, entry).into(),
            it.id(Kind::Product, product).into(),
            cents(quantity * 100),
            cents(company.price(product) * (100 - 5 * company.book_of(deal)) / 100),
            cents(price),
            cents(price * quantity),
            if is_dated {
                Cell::Day(it.created.after(super::DAY * 30))
            } else {
                Cell::Null
            },
            it.throw
                .chance(10)
                .then(|| words::subject(&mut it.throw))
                .into(),
        ]
    },
);

pub(super) const ROLE: (&str, Writer) = ("OpportunityId ContactId Role IsPrimary", |it| {
    let company = it.company;
    let deal = it.row * company.rows(Kind::Opportunity) / company.rows(Kind::Role);
    let account = company.account_of_deal(deal);
    let contact = company.contact_of(account, &mut it.throw);
    let contact = contact.unwrap_or_else(|| company.known(Kind::Contact, &mut it.throw));
    it.after(Kind::Opportunity, deal);
    it.after(Kind::Contact, contact);
    vec![
        it.id(Kind::Opportunity, deal).into(),
        it.id(Kind::Contact, contact).into(),
        it.throw
            .one_of(&["Decision Maker", "Business User", "Evaluator", "Other"])
            .into(),
        true.into(),
    ]
});
