-- Every replica runs this at its start, one after the other: the lock ends with the transaction.
select pg_advisory_xact_lock(7467);

create table if not exists users (
    id integer primary key,
    email text not null unique,
    -- Of address and password. A hash that is slow by design would make logins the whole load.
    password_sha256 bytea not null
);

create table if not exists products (
    id integer primary key,
    name text not null,
    category text not null,
    price_cents integer not null,
    description text not null,
    words tsvector generated always as (to_tsvector('simple', name || ' ' || category)) stored
);
create index if not exists products_words on products using gin (words);

create table if not exists carts (
    id bigint generated always as identity primary key,
    user_id integer not null references users
);
create table if not exists cart_items (
    cart_id bigint not null references carts,
    product_id integer not null references products,
    quantity integer not null check (quantity between 1 and 100),
    primary key (cart_id, product_id)
);

-- request_id is not unique on purpose: a checkout that was sent twice must show as two orders.
create table if not exists orders (
    id bigint generated always as identity primary key,
    request_id text not null,
    user_id integer not null references users,
    total_cents integer not null
);
create index if not exists orders_request_id on orders (request_id text_pattern_ops);
create table if not exists order_items (
    order_id bigint not null references orders,
    product_id integer not null references products,
    quantity integer not null check (quantity between 1 and 100),
    primary key (order_id, product_id)
);

-- The same content in every database, so that the answers of two versions can be compared.
insert into users (id, email, password_sha256)
select n, email, sha256(convert_to(email || ' password-' || lpad(n::text, 3, '0'), 'UTF8'))
from generate_series(1, 200) as n, lateral (select format('user-%s@shop.example', lpad(n::text, 3, '0')) as email) as address
on conflict do nothing;

insert into products (id, name, category, price_cents, description)
select n, format('%s %s %s', adjective, noun, n), category, 500 + (n * 7919) % 20000,
       format('A %s %s for every %s. Number %s of our catalog.', adjective, noun, category, n)
from generate_series(1, 500) as n,
     lateral (select
         (array['blue', 'green', 'red', 'small', 'large', 'light', 'heavy', 'round', 'plain', 'smart'])[1 + n / 20 % 10] as adjective,
         (array['lamp', 'chair', 'table', 'shelf', 'clock', 'kettle', 'pan', 'plate', 'knife', 'towel',
                'tent', 'rope', 'stove', 'bottle', 'pack', 'pen', 'paper', 'folder', 'desk', 'screen'])[1 + n % 20] as noun,
         (array['room', 'kitchen', 'camp', 'office'])[1 + n % 20 / 5] as category) as words
on conflict do nothing;
