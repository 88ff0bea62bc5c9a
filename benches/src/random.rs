//! Random numbers and orders.

/// The next number of `xorshift64*` (Vigna 2016), 48 bits; the state is not 0.
pub fn random(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
}

/// The indices below `n` in a fresh order, so that nobody always follows the same other one.
pub fn shuffled(n: usize, state: &mut u64) -> Vec<usize> {
    let mut order: Vec<_> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, (random(state) % (i as u64 + 1)) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::{random, shuffled};

    #[test]
    fn an_order_has_each_index_once() {
        let mut state = 1;
        for n in [0, 1, 2, 100] {
            let mut order = shuffled(n, &mut state);
            order.sort_unstable();
            assert_eq!(order, (0..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_order_of_three_comes_up_equally_often() {
        let (mut counts, mut state) = ([0_u32; 27], 1);
        for _ in 0..6000 {
            let order = shuffled(3, &mut state);
            counts[order[0] * 9 + order[1] * 3 + order[2]] += 1;
        }
        let seen: Vec<_> = counts.into_iter().filter(|count| *count > 0).collect();
        // Six orders, a thousand of each, standard deviation 29.
        assert_eq!(seen.len(), 6);
        assert!(seen.iter().all(|count| (850..1150).contains(count)), "{seen:?}");
    }

    #[test]
    fn numbers_have_48_bits_and_all_of_them_vary() {
        let mut state = 1;
        let (all, any) = (0..1000)
            .map(|_| random(&mut state))
            .fold((!0, 0), |(all, any), number| (all & number, any | number));
        assert_eq!((all, any), (0, (1 << 48) - 1));
    }
}
